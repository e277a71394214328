package daemon

import (
	"log/slog"
	"time"

	"onemcp/internal/config"
	"onemcp/internal/front"
	"onemcp/internal/hostguard"
	"onemcp/internal/publicurl"
	"onemcp/internal/ratelimit"
	"onemcp/internal/trustproxy"
)

// access translates who is believed, what may be named and how often one may call. policy is that of
// server.trustProxy at the moment.
func access(s *config.Server, policy func() *trustproxy.Policy) *front.Access {
	return &front.Access{
		Trust:     policy,
		TrustText: s.TrustProxy.String(),
		Base:      publicurl.New(s.ExternalURL),
		Hosts: hostguard.New(hostguard.Options{
			Bind:          s.Host,
			External:      s.ExternalURL,
			Hosts:         s.AllowedHosts,
			Origins:       s.AllowedOrigins,
			TrustExplicit: s.TrustProxy.Explicit(),
		}),
		AllowedHosts:    append([]string{}, s.AllowedHosts...),
		RejectUntrusted: s.OnUntrustedHeaders == "reject",
		HTTPSRedirect:   s.HTTPSRedirect,
		HSTS:            time.Duration(s.HSTS) * time.Second,
		Limit: ratelimit.New[trustproxy.RateKey](ratelimit.Limits{
			PerKey: s.RateLimit.PerClient,
			Burst:  s.RateLimit.Burst,
			Global: s.RateLimit.Global,
		}),
		IPv6Bits:   s.RateLimit.IPv6Prefix,
		MaskClient: s.MaskClientIP,
	}
}

// warnOfAccess says at the start and after a reload what an owner should know of the setting.
func warnOfAccess(log *slog.Logger, s *config.Server, a *front.Access, local bool) {
	for _, w := range s.TrustProxy.Warnings(local) {
		log.Warn(w.Text, "setting", "server.trustProxy", "check", w.Code)
	}
	if a.Hosts.Permissive() {
		log.Warn("trusted proxies may bring any host: the public address of this gateway is not known",
			"hint", "set server.externalUrl to the URL that clients use, or server.allowedHosts")
	}
}
