package trustlist

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/trustproxy"
)

// The rhythm of the lists.
const (
	filePeriod  = time.Second      // a change takes effect after two readings that agree
	dnsPeriod   = 30 * time.Second // between successful lookups
	dnsTimeout  = 5 * time.Second  // of one lookup
	dnsRetryMin = time.Second      // after a failed one, doubling up to dnsPeriod
	maxFileSize = 1 << 20          // bytes; tens of thousands of ranges
)

// Options are what the lists need from the world. The zero value uses the operating system's.
type Options struct {
	Log      *slog.Logger                                                 // default: none
	Resolve  func(ctx context.Context, name string) ([]netip.Addr, error) // default: the system's resolver
	ReadFile func(path string) (string, error)                            // default: the file, up to 1 MiB
}

// Lists is a setting together with the contents of its lists.
type Lists struct {
	setting trustproxy.Setting
	options Options
	policy  atomic.Pointer[trustproxy.Policy]

	first map[trustproxy.Source]string // the files as Open read them; read only

	mu     sync.Mutex
	loaded map[trustproxy.Source]trustproxy.Entries
	good   map[trustproxy.Source]time.Time // when each was last read successfully, or opened
}

// Open reads the setting's files and compiles its policy. Host names are not resolved yet, so
// that a slow resolver delays nothing: until [Lists.Run] did they trust nobody.
func Open(setting trustproxy.Setting, o Options) (*Lists, error) {
	l := &Lists{
		setting: setting,
		options: o.withDefaults(),
		first:   map[trustproxy.Source]string{},
		loaded:  map[trustproxy.Source]trustproxy.Entries{},
		good:    map[trustproxy.Source]time.Time{},
	}
	for _, s := range setting.Sources() {
		l.good[s] = time.Now()
		if s.Kind != trustproxy.FileSource {
			continue
		}
		text, err := l.options.ReadFile(s.Name)
		if err == nil {
			l.first[s] = text
			l.loaded[s], err = trustproxy.ParseList(text)
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "trustProxy: the list %s cannot be used: %v", s, err).
				WithHint("write one address, range or preset a line").WithCause(err)
		}
	}
	l.policy.Store(setting.Compile(l.loaded))
	return l, nil
}

// Load reads one list once, for a command that ends soon.
func Load(ctx context.Context, s trustproxy.Source) (trustproxy.Entries, error) {
	o := Options{}.withDefaults()
	if s.Kind == trustproxy.DNSSource {
		addrs, err := o.Resolve(ctx, s.Name)
		return trustproxy.Addresses(addrs), err
	}
	text, err := o.ReadFile(s.Name)
	if err != nil {
		return trustproxy.Entries{}, err
	}
	return trustproxy.ParseList(text)
}

// Policy returns the policy of the moment. Ask for each request.
func (l *Lists) Policy() *trustproxy.Policy { return l.policy.Load() }

// Age returns how long ago the stalest list was last read successfully, or 0 without lists.
// Since reading goes on all the time, an age over a minute means that one is in trouble.
func (l *Lists) Age() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var age time.Duration
	for _, at := range l.good {
		age = max(age, time.Since(at))
	}
	return age
}

// Run keeps the lists fresh until ctx ends, and returns nil.
func (l *Lists) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, s := range l.setting.Sources() {
		all.Go(func() {
			if s.Kind == trustproxy.DNSSource {
				l.followName(ctx, s)
			} else {
				l.followFile(ctx, s)
			}
		})
	}
	all.Wait()
	return nil
}

// followFile re-reads a file. A new text counts when it stands for a period, so that a range
// caught half-written, which may be a wider one, is not believed.
func (l *Lists) followFile(ctx context.Context, s trustproxy.Source) {
	current, seen, complaint := l.first[s], l.first[s], ""
	for life.Pause(ctx, filePeriod) {
		text, err := l.options.ReadFile(s.Name)
		if err == nil && text != seen {
			seen = text
			continue
		}
		if err == nil && text != current {
			err = l.replaceText(s, text)
		}
		if err == nil {
			current = text
			l.touch(s)
		}
		complaint = l.report(s, err, complaint)
	}
}

func (l *Lists) replaceText(s trustproxy.Source, text string) error {
	entries, err := trustproxy.ParseList(text)
	if err == nil {
		l.replace(s, entries)
	}
	return err
}

// followName resolves a host name.
func (l *Lists) followName(ctx context.Context, s trustproxy.Source) {
	complaint, retry := "", dnsRetryMin
	for {
		addrs, err := l.lookup(ctx, s.Name)
		if ctx.Err() != nil {
			return
		}
		l.replace(s, trustproxy.Addresses(addrs))
		if err == nil {
			l.touch(s)
		}
		complaint = l.report(s, err, complaint)
		period := dnsPeriod
		if err != nil {
			period, retry = retry, min(2*retry, dnsPeriod)
		} else {
			retry = dnsRetryMin
		}
		if !life.Pause(ctx, period) {
			return
		}
	}
}

// lookup resolves a name in bounded time; an error gives no addresses.
func (l *Lists) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	addrs, err := l.options.Resolve(ctx, name)
	if err != nil {
		return nil, err
	}
	return addrs, nil
}

// touch notes that a list was read successfully.
func (l *Lists) touch(s trustproxy.Source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good[s] = time.Now()
}

// replace puts a list's contents in place by building the next policy.
func (l *Lists) replace(s trustproxy.Source, entries trustproxy.Entries) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loaded[s] = entries
	l.policy.Store(l.setting.Compile(l.loaded))
}

// report logs a trouble once, and its end, and returns what is being complained about.
func (l *Lists) report(s trustproxy.Source, err error, before string) string {
	switch {
	case err == nil && before != "":
		l.options.Log.Info("trust list is fine again", "list", s.String())
	case err != nil && err.Error() != before && s.Kind == trustproxy.DNSSource:
		l.options.Log.Warn("trust list does not resolve and trusts nobody", "list", s.String(), "err", err)
	case err != nil && err.Error() != before:
		l.options.Log.Warn("trust list cannot be read; its last good contents stay", "list", s.String(), "err", err)
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Resolve == nil {
		o.Resolve = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		}
	}
	if o.ReadFile == nil {
		o.ReadFile = readFile
	}
	return o
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err == nil && len(text) > maxFileSize {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFileSize)
	}
	return string(text), err
}
