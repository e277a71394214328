package gateway

import "sync"

// keptBody is how long a message may be whose memory is used again.
const keptBody = 128 << 10

// bodies lends the memory in which messages to backends are put together, for as long as a connection has them: it keeps nothing of a
// request when its Call has returned, whether with an answer or without. The zero value is ready.
type bodies struct{ pool sync.Pool }

// body is memory on loan. It must be given back, or left to the collector if its user cannot tell who has it.
type body struct{ text []byte }

func (p *bodies) lend() *body {
	if b, ok := p.pool.Get().(*body); ok {
		return b
	}
	return new(body)
}

func (p *bodies) giveBack(b *body) {
	if cap(b.text) <= keptBody {
		p.pool.Put(b)
	}
}
