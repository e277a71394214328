package middle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Peer is a gateway that a user names, in one of two forms:
//
//	NAME=http://HOST:PORT/PATH[,PID]   it runs already; with the id of its process it is accounted for
//	NAME=COMMAND ARGUMENT...           it is started
//
// In a command {port} stands for the port to listen on, {backend} for the URL of the backend, and
// {stdio} for the backend's command, one argument for each of its words when it stands alone. The
// gateway serves under /mcp, or under the path that NAME ends with, as in name/servers/x.
func Peer(value string) (Kind, error) {
	name, what, ok := strings.Cut(value, "=")
	if !ok || name == "" || what == "" {
		return Kind{}, errors.New("a peer is NAME=URL or NAME=COMMAND")
	}
	if strings.HasPrefix(what, "http://") {
		return peerByURL(name, what)
	}
	name, path, _ := strings.Cut(name, "/")
	if path == "" {
		path = "mcp"
	}
	words := strings.Fields(what)
	if !strings.Contains(what, "{port}") {
		return Kind{}, fmt.Errorf("peer %s: its command has no {port}", name)
	}
	return Kind{
		Name: name,
		Fits: func(s Setup) bool {
			return len(s.Backends) == 1 && strings.Contains(what, map[bool]string{true: "{stdio}", false: "{backend}"}[s.stdio()])
		},
		Start: func(s Setup) (*Running, error) { return startPeer(name, path, words, s) },
	}, nil
}

func peerByURL(name, what string) (Kind, error) {
	url, digits, hasPid := strings.Cut(what, ",")
	running := Running{URL: url}
	if hasPid {
		pid, err := strconv.Atoi(digits)
		if err != nil {
			return Kind{}, fmt.Errorf("peer %s: the id of the process: %w", name, err)
		}
		running.pid = pid
	}
	return Kind{
		Name:  name,
		Fits:  func(s Setup) bool { return len(s.Backends) == 1 },
		Start: func(Setup) (*Running, error) { r := running; return &r, nil },
	}, nil
}

func startPeer(name, path string, words []string, s Setup) (*Running, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	argv := fill(words, port, s.Backends[0])
	p, err := start(s.Dir, name, argv, nil)
	if err != nil {
		return nil, err
	}
	return p.running(fmt.Sprintf("http://127.0.0.1:%d/%s", port, path), p.awaitPort(port))
}

// fill puts the port and the backend into a command.
func fill(words []string, port int, b Backend) (argv []string) {
	replace := strings.NewReplacer("{port}", strconv.Itoa(port), "{backend}", b.URL, "{stdio}", strings.Join(b.Command, " "))
	for _, word := range words {
		if word == "{stdio}" {
			argv = append(argv, b.Command...)
			continue
		}
		argv = append(argv, replace.Replace(word))
	}
	return argv
}
