package trustproxy

import (
	"net/netip"
	"slices"
	"strings"
)

// CloudflareDate is the day on which the ranges of the cloudflare preset were last
// compared with https://www.cloudflare.com/ips/ as published.
const CloudflareDate = "2026-10-14"

// Cloudflare returns the ranges of the cloudflare preset, IPv4 first.
func Cloudflare() []netip.Prefix {
	return prefixes(
		"173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22",
		"141.101.64.0/18", "108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20",
		"197.234.240.0/22", "198.41.128.0/17", "162.158.0.0/15", "104.16.0.0/13",
		"104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22",
		"2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32",
		"2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32",
	)
}

// preset returns the entries behind a preset's name in any case.
func preset(name string) (Entries, bool) {
	switch strings.ToLower(name) {
	case "loopback":
		return Entries{Prefixes: prefixes("127.0.0.0/8", "::1/128"), Unix: true}, true
	case "linklocal":
		return Entries{Prefixes: prefixes("169.254.0.0/16", "fe80::/10")}, true
	case "uniquelocal":
		return Entries{Prefixes: prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")}, true
	case "cloudflare":
		return Entries{Prefixes: Cloudflare()}, true
	case "unix":
		return Entries{Unix: true}, true
	}
	return Entries{}, false
}

// presetNames is what a hint offers.
const presetNames = "loopback, linklocal, uniquelocal, cloudflare, unix"

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// partOfCloudflare returns how many of Cloudflare's ranges stand in the list, and how many
// there are. Some but not all means clients of the missing ones look like their proxy.
func partOfCloudflare(in []netip.Prefix) (present, of int) {
	published := Cloudflare()
	for _, p := range published {
		if slices.Contains(in, p) {
			present++
		}
	}
	return present, len(published)
}
