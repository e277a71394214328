package trustproxy

// HeaderNames returns the headers that the setting reads for the client, the scheme and the host;
// "" for one that is never read.
func (s Setting) HeaderNames() (client, proto, host string) {
	return s.headers.client.name, s.headers.proto.name, s.headers.host.name
}
