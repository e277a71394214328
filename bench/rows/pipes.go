package rows

import (
	"context"
	"errors"
	"os/exec"
	"time"

	"onemcp/bench/load"
	"onemcp/bench/middle"
)

// overPipes drives stdio servers over their pipes, with nothing in the middle. The processor time is
// that of the load itself.
func overPipes(ctx context.Context, servers []middle.Backend, inFlight int, length time.Duration) (lap, error) {
	var children []*child
	for _, s := range servers {
		c, err := startChild(ctx, s.Command)
		if err != nil {
			return lap{}, errors.Join(err, end(children))
		}
		children = append(children, c)
	}
	out, err := drive(children, inFlight, length)
	return out, errors.Join(err, end(children))
}

func drive(children []*child, inFlight int, length time.Duration) (lap, error) {
	var pipes []load.Pipe
	for _, c := range children {
		pipes = append(pipes, c.pipe)
	}
	client, err := load.Greet(pipes)
	if err != nil {
		return lap{}, err
	}
	before := middle.Own()
	result, err := client.Run(inFlight, length)
	if err != nil {
		return lap{}, err
	}
	out := summary(result)
	out.cpu = perCall(middle.Own()-before, result)
	return out, nil
}

// child is a stdio server that we have started.
type child struct {
	cmd  *exec.Cmd
	pipe load.Pipe
}

func startChild(ctx context.Context, command []string) (*child, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &child{cmd: cmd, pipe: load.Pipe{In: in, Out: out}}, cmd.Start()
}

// end ends children: they have nothing more to read.
func end(children []*child) error {
	var errs []error
	for _, c := range children {
		c.pipe.In.Close()
		errs = append(errs, c.cmd.Wait())
	}
	return errors.Join(errs...)
}
