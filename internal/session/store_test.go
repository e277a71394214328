package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// TestTheStoreCountsWhatItKeeps: whatever happens to streams, the sums are those of their parts and within the bounds.
func TestTheStoreCountsWhatItKeeps(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		luck := rand.New(rand.NewPCG(seed, 0))
		p := &pool{max: 2 << 20}
		w := &world{t: t, luck: luck, pool: p, s: newSession(Spec{}, time.Now(), p)}
		for range 400 {
			w.step()
			w.check()
		}
		w.s.end(ErrEnded)
		if used := p.used.Load(); used != 0 || w.s.store.kept != (load{}) {
			t.Fatalf("seed %d: %d bytes are left", seed, used)
		}
		w.step() // does no harm
	}
}

type world struct {
	t       *testing.T
	luck    *rand.Rand
	pool    *pool
	s       *Session
	streams []*Stream
	turns   []uint64
}

func (w *world) step() {
	if len(w.streams) < 2 || w.luck.IntN(20) == 0 {
		w.streams = append(w.streams, w.s.NewStream(), w.s.own())
		w.turns = append(w.turns, 0, 0)
	}
	i := w.luck.IntN(len(w.streams))
	st := w.streams[i]
	switch w.luck.IntN(9) {
	case 0, 1, 2:
		st.Send(make([]byte, w.luck.IntN(100<<10)))
	case 3:
		var after *uint64
		if n := uint64(w.luck.IntN(5)); n > 0 {
			after = &n
		}
		w.turns[i], _, _ = st.takeOver(after)
	case 4:
		batch, _, _ := st.take(w.turns[i], nil)
		st.written(w.turns[i], batch[:w.luck.IntN(len(batch)+1)], w.luck.IntN(4) == 0)
	case 5:
		st.leave(w.turns[i])
	case 6:
		if st.number > 0 && w.luck.IntN(3) == 0 {
			st.End()
		}
	case 7:
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errors.New("gone"))
		_ = st.Attach(ctx, Reader{Write: func(e []Event) (int, error) { return len(e), nil }})
	case 8:
		w.s.store.prune(time.Now().Add(time.Duration(w.luck.IntN(10)) * time.Minute))
	}
}

func (w *world) check() {
	k := &w.s.store
	var kept load
	for _, st := range k.streams {
		kept.add(st.kept())
		var all load
		for _, e := range st.events {
			all.add(load{1, len(e.Msg)})
		}
		sum := st.sent
		if sum.add(st.waiting); sum != all {
			w.t.Fatalf("stream %d has %v, and counts %v and %v", st.number, all, st.sent, st.waiting)
		}
	}
	switch {
	case kept != k.kept || int64(kept.bytes) != w.pool.used.Load():
		w.t.Fatalf("kept are %v, counted %v and %d", kept, k.kept, w.pool.used.Load())
	case kept.n > maxKept || kept.n > 1 && kept.bytes > maxKeptBytes:
		w.t.Fatalf("%v are kept", kept)
	}
}
