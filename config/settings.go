package config

import "time"

// setting binds a key to a field of a Config.
type setting struct {
	key      string
	fallback any    // the default, as the file would say it; nil for none, or for one that rules.go works out
	expects  string // completes "must be …"
	secret   bool   // its value is never shown, and may be given by a file that key+"_file" names
	read     func(value any) bool
	show     func() string
}

func bind[T any](field *T, key string, fallback any, f format[T]) setting {
	return setting{
		key:      key,
		fallback: fallback,
		expects:  f.expects,
		read: func(value any) bool {
			read, ok := f.read(value)
			if ok {
				*field = read
			}
			return ok
		},
		show: func() string { return f.write(*field) },
	}
}

func bindSecret[T any](field *T, key string, fallback any, f format[T]) setting {
	s := bind(field, key, fallback, f)
	s.secret = true
	return s
}

// settings lists every key, bound to c, in the order of config.example.yaml.
func (c *Config) settings() []setting {
	return []setting{
		bind(&c.Listen, "listen", "127.0.0.1:8080", hostPort()),
		bind(&c.PublicURL, "public_url", "http://localhost:8080", origin()),
		bind(&c.DataDir, "data_dir", "./portico-data", directory()),

		bindSecret(&c.Database.URL, "database.url", nil, databaseURL()),
		bind(&c.Database.MaxConnections, "database.max_connections", 0, whole(0, 1000)),

		bindSecret(&c.Secret, "secret", nil, secret()),
		bindSecret(&c.PreviousSecrets, "previous_secrets", []any{}, list("a list of secrets of at least 32 characters", secret())),

		bind(&c.Proxy.Trusted, "proxy.trusted", []any{}, list("a list of networks such as 10.0.0.0/8, none of them the whole internet", network())),

		bind(&c.Outgoing.PrivateNetworks, "outgoing.private_networks", false, toggle()),

		bind(&c.Mail.From, "mail.from", nil, mailbox()),
		bind(&c.Mail.SMTP.Host, "mail.smtp.host", nil, host()),
		bind(&c.Mail.SMTP.Port, "mail.smtp.port", 0, whole(0, 65535)),
		bind(&c.Mail.SMTP.Username, "mail.smtp.username", nil, text()),
		bindSecret(&c.Mail.SMTP.Password, "mail.smtp.password", nil, password()),
		bind(&c.Mail.SMTP.TLS, "mail.smtp.tls", "starttls", choice("starttls", "implicit", "none")),

		bind(&c.Log.Level, "log.level", "info", level()),
		bind(&c.Log.Format, "log.format", nil, choice("text", "json")),

		bind(&c.Metrics.Listen, "metrics.listen", nil, hostPort()),

		bind(&c.Limits.BodyBytes, "limits.body_bytes", 65536, whole[int64](4096, 16<<20)),
		bind(&c.Limits.HeaderBytes, "limits.header_bytes", 32768, whole(8192, 1<<20)),
		bind(&c.Limits.ReadHeaderTimeout, "limits.read_header_timeout", "5s", duration(time.Second, time.Minute)),
		bind(&c.Limits.ReadTimeout, "limits.read_timeout", "15s", duration(time.Second, 10*time.Minute)),
		bind(&c.Limits.WriteTimeout, "limits.write_timeout", "30s", duration(time.Second, 10*time.Minute)),
		bind(&c.Limits.IdleTimeout, "limits.idle_timeout", "2m", duration(time.Second, time.Hour)),

		bind(&c.Purge.Interval, "purge.interval", "1m", duration(time.Second, day)),
		bind(&c.Purge.Batch, "purge.batch", 100, whole(1, 10000)),
		bind(&c.Purge.Retention, "purge.retention", "30d", duration(time.Hour, 3650*day)),

		bind(&c.Passwords.MinLength, "passwords.min_length", 15, whole(8, 64)),
		bind(&c.Passwords.ParallelHashes, "passwords.parallel_hashes", 0, whole(0, 1024)),
		bind(&c.Passwords.Argon2.MemoryKiB, "passwords.argon2.memory_kib", 19456, whole[uint32](7168, 4<<20)),
		bind(&c.Passwords.Argon2.Iterations, "passwords.argon2.iterations", 2, whole[uint32](1, 100)),
		bind(&c.Passwords.Argon2.Parallelism, "passwords.argon2.parallelism", 1, whole[uint8](1, 64)),

		bind(&c.Demo.Enabled, "demo.enabled", false, toggle()),
		bind(&c.Demo.Listen, "demo.listen", "127.0.0.1:8081", hostPort()),
	}
}
