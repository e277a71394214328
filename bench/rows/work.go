package rows

import (
	"context"
	"os"
	"path/filepath"

	"onemcp/bench/backend"
	"onemcp/bench/load"
	"onemcp/bench/middle"
)

// list compares prepared lists: the bare handler writes the very bytes that the gateway wrote.
func list() race {
	const backends = 20
	job := func(tools []string) load.Job { return load.List(len(tools)) }
	return race{
		name:      "list",
		title:     "tools/list of 200 tools, of 20 HTTP backends with 10 each",
		clients:   []int{1, 16},
		reference: bare,
		subjects: func(l *Lab) []subject {
			file := filepath.Join(l.Dir, "list.json")
			gateway := l.oneMCP(ours, l.http(backends, plain(backend.Both)), backend.Legacy, job)
			gateway.before = func(_ context.Context, url string) error { return saveList(url, file) }
			all := backend.Profile{Era: backend.Both, Tools: backends * fewOnes}
			prepared := l.http(1, all)
			prepared.List = file
			return []subject{
				{label: direct, kind: middle.Direct(), setup: l.http(1, all), era: backend.Legacy, job: job},
				gateway,
				{label: bare, kind: middle.Bare(l.Self), setup: prepared, era: backend.Legacy, job: job},
			}
		},
		goals: []goal{
			{what: "CPU of a bare handler", figure: cpu, of: ours, than: bare, limit: 1.3, most: true},
		},
	}
}

// saveList writes the list that a gateway answers with to a file.
func saveList(url, file string) error {
	crowd, err := load.Crowd(backend.Legacy, 1, url)
	if err != nil {
		return err
	}
	defer load.Disperse(crowd)
	result, err := crowd[0].ListTools()
	if err != nil {
		return err
	}
	return os.WriteFile(file, result, 0o600)
}

func sessions() race {
	job := func([]string) load.Job { return load.Session }
	return race{
		name:      "sessions",
		title:     "legacy sessions opened and ended: initialize, initialized, DELETE",
		clients:   []int{1, 16},
		reference: bare,
		subjects: func(l *Lab) []subject {
			s := l.http(1, plain(backend.Both))
			canned := subject{label: bare, kind: middle.Bare(l.Self), setup: s, era: backend.Legacy, job: job}
			return append([]subject{canned}, l.field(s, job)...)
		},
		goals: []goal{
			{what: "CPU of a bare handler", figure: cpu, of: ours, than: bare, limit: 3, most: true},
		},
	}
}

func blob() race {
	return race{
		name:      "blob",
		title:     "tools/call with a result of 1 MiB, one HTTP backend",
		clients:   []int{1, 16, 64, 256},
		reference: proxy,
		subjects: func(l *Lab) []subject {
			return l.field(l.http(1, plain(backend.Both)), blobCall)
		},
		goals: []goal{
			{what: "calls/s of ReverseProxy", figure: perSecond, of: ours, than: proxy, limit: 0.9},
			// The room that the collector leaves counts in; it takes many calls for it not to.
			{what: "KiB of memory for each call in flight", figure: each, of: ours, limit: 256, most: true, clients: []int{256}},
		},
	}
}

func blobEvents() race {
	return race{
		name:      "blob-events",
		title:     "tools/call with a result of 1 MiB, one HTTP backend that answers by event streams",
		clients:   []int{1, 16, 64, 256},
		reference: proxy,
		subjects: func(l *Lab) []subject {
			return l.field(l.http(1, inEvents()), blobCall)
		},
		goals: []goal{
			{what: "CPU per call of ReverseProxy", figure: cpu, of: ours, than: proxy, limit: 1, most: true},
			{what: "KiB of memory for each call in flight", figure: each, of: ours, limit: 256, most: true, clients: []int{256}},
		},
	}
}

func blobCall(tools []string) load.Job { return load.BlobCall(load.Named(tools, backend.Blob)[0]) }

func sink() race {
	return race{
		name:      "sink",
		title:     "tools/call with an argument of 64 KiB, one HTTP backend",
		clients:   []int{1, 16},
		reference: proxy,
		subjects: func(l *Lab) []subject {
			return l.field(l.http(1, plain(backend.Both)), func(tools []string) load.Job {
				return load.SinkCall(load.Named(tools, backend.Sink)[0])
			})
		},
	}
}
