package doctor

import (
	"crypto/rand"
	"fmt"
	random "math/rand/v2"
	"net/textproto"
	"slices"
	"strings"
)

// forge makes headers that claim another client, scheme and host. Every address is of the
// network for documentation, and every value of this run alone, so that each is known again.
func forge(scheme string, client, proto, host string) Forged {
	last := random.Perm(254)
	address := func(i int) string { return fmt.Sprintf("192.0.2.%d", last[i]+1) }
	name := "probe-" + strings.ToLower(rand.Text()[:8]) + ".invalid"
	other := map[string]string{"http": "https", "https": "http"}[scheme]
	f := Forged{Headers: [][2]string{
		{"X-Forwarded-For", address(0)},
		{"X-Real-IP", address(1)},
		{"Forwarded", fmt.Sprintf("for=%s;proto=%s;host=%s", address(2), other, name)},
		{"X-Forwarded-Host", name},
		{"X-Forwarded-Proto", other},
		{"X-Forwarded-Port", fmt.Sprint(40000 + last[4])},
		{"X-Forwarded-Prefix", "/" + name},
		{"X_Forwarded_For", address(3)},
	}}
	f.add(client, address(4))
	f.add(proto, other)
	f.add(host, name)
	f.Address = plainAddress(f.sent(client))
	if client == "Forwarded" {
		f.Address = address(2)
	}
	return f
}

// add forges a configured header that is not one of the usual ones.
func (f *Forged) add(header, value string) {
	if header != "" && f.sent(header) == "" {
		f.Headers = append(f.Headers, [2]string{header, value})
	}
}

// strip is a Connection header that asks for the removal of all that tells of the client.
func strip(configured ...string) string {
	names := []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP"}
	for _, name := range configured {
		if known := func(n string) bool { return textproto.CanonicalMIMEHeaderKey(n) == name }; name != "" && !slices.ContainsFunc(names, known) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
