package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"onemcp/bench/middle"
	"onemcp/bench/rows"
)

// The sizes of -quick.
const (
	quickTime    = 30 * time.Millisecond
	quickScale   = 50
	quickClients = 4
)

// lab starts what all rows share, and returns what ends it.
func (o *options) lab(dir string) (*rows.Lab, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	clients, err := numbers(o.clients)
	if err != nil {
		return nil, nil, err
	}
	binary, err := o.binary(dir)
	if err != nil {
		return nil, nil, err
	}
	backends, err := middle.Backends(self, dir, o.backends, rows.Origins)
	if err != nil {
		return nil, nil, err
	}
	lab := &rows.Lab{
		Self: self, OneMCP: binary, Backends: backends.URL, Origins: backends.Apart, Dir: dir, Peers: o.peers,
		Clients: clients, Time: o.time, Rounds: o.rounds, Scale: 1, Progress: o.progress(),
	}
	if o.only != "" {
		lab.Only = strings.Split(o.only, ",")
	}
	if o.quick {
		lab.Time, lab.Rounds, lab.Scale = quickTime, 1, quickScale
		if clients == nil {
			lab.Clients = []int{quickClients}
		}
	}
	return lab, backends.Stop, nil
}

// binary is the path of the gateway, built when none was named.
func (o *options) binary(dir string) (string, error) {
	if o.oneMCP != "" {
		return filepath.Abs(o.oneMCP)
	}
	return build(o.source, dir)
}

// numbers parses numbers with commas between.
func numbers(list string) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	var out []int
	for part := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-c: %q is no number of clients", part)
		}
		out = append(out, n)
	}
	return out, nil
}
