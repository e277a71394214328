package eragate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"sync"
)

// Filter runs the server's command, passes lines between it and the client,
// and returns when the command ended, with its error.
func (g Gate) Filter(server *exec.Cmd, in io.Reader, out io.Writer) error {
	toServer, err := server.StdinPipe()
	if err != nil {
		return err
	}
	fromServer, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	f := &filter{gate: g, out: out, discoveries: map[string]bool{}}
	go f.toServer(in, toServer) // ends with in, or with this process
	f.toClient(fromServer)
	return server.Wait()
}

type filter struct {
	gate Gate

	mu          sync.Mutex
	out         io.Writer
	discoveries map[string]bool // ids of discoveries in flight
}

func (f *filter) toServer(in io.Reader, server io.WriteCloser) {
	defer server.Close()
	_ = eachLine(in, func(line []byte) error {
		m, v := f.gate.judge(line)
		if m.Method == "server/discover" {
			f.discovery(m.ID)
		}
		if !v.drop {
			_, err := server.Write(line)
			return err
		}
		if v.reply != nil {
			return f.write(append(v.reply, '\n'))
		}
		return nil
	})
}

func (f *filter) toClient(server io.Reader) {
	_ = eachLine(server, func(line []byte) error {
		var m struct{ ID json.RawMessage }
		if json.Unmarshal(line, &m) == nil && f.wasDiscovery(m.ID) {
			line = narrow(line)
		}
		return f.write(line)
	})
}

func (f *filter) discovery(id json.RawMessage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.discoveries[string(id)] = true
}

func (f *filter) wasDiscovery(id json.RawMessage) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.discoveries[string(id)]
	delete(f.discoveries, string(id))
	return was
}

func (f *filter) write(line []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.out.Write(line)
	return err
}

// eachLine hands on whole lines, with their end, until do or r fails.
func eachLine(r io.Reader, do func([]byte) error) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := do(line); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}
