package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// format is what a key accepts. Values come as YAML decodes them, or as the text of a variable.
type format[T any] struct {
	expects string // completes "must be …"; config.example.yaml says it in the same words
	read    func(value any) (T, bool)
	write   func(T) string
}

func text() format[string] {
	return format[string]{"text", printable, plain}
}

// printable accepts texts of one line. YAML reads an unquoted 12345 as a number, and a password
// would lose its leading zeros, so that only a text is a text.
func printable(value any) (string, bool) {
	s, ok := value.(string)
	return s, ok && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// directory refuses what would begin a query in the name of the database file below it.
func directory() format[string] {
	return format[string]{
		"the path of a directory, without ? or #",
		func(value any) (string, bool) {
			s, ok := printable(value)
			return s, ok && !strings.ContainsAny(s, "?#")
		},
		plain,
	}
}

func plain(s string) string { return s }

func choice(allowed ...string) format[string] {
	return format[string]{
		"one of " + strings.Join(allowed, ", "),
		func(value any) (string, bool) {
			s, ok := value.(string)
			return s, ok && slices.Contains(allowed, s)
		},
		plain,
	}
}

func toggle() format[bool] {
	return format[bool]{
		"true or false",
		func(value any) (bool, bool) {
			switch value {
			case true, "true":
				return true, true
			case false, "false":
				return false, true
			}
			return false, false
		},
		strconv.FormatBool,
	}
}

func whole[T int | int64 | uint8 | uint32](low, high T) format[T] {
	return format[T]{
		fmt.Sprintf("a whole number from %d to %d", low, high),
		func(value any) (T, bool) {
			var n int64
			switch v := value.(type) {
			case int:
				n = int64(v)
			case string:
				var err error
				if n, err = strconv.ParseInt(v, 10, 64); err != nil {
					return 0, false
				}
			default:
				return 0, false
			}
			return T(n), int64(low) <= n && n <= int64(high)
		},
		func(n T) string { return fmt.Sprint(n) },
	}
}

func duration(low, high time.Duration) format[time.Duration] {
	return format[time.Duration]{
		fmt.Sprintf("a duration from %s to %s", FormatDuration(low), FormatDuration(high)),
		func(value any) (time.Duration, bool) {
			s, _ := value.(string)
			d, err := ParseDuration(s)
			return d, err == nil && low <= d && d <= high
		},
		FormatDuration,
	}
}

func level() format[slog.Level] {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	return format[slog.Level]{
		"one of debug, info, warn, error",
		func(value any) (slog.Level, bool) {
			s, _ := value.(string)
			l, ok := levels[s]
			return l, ok
		},
		func(l slog.Level) string { return strings.ToLower(l.String()) },
	}
}

func secret() format[Secret] {
	return format[Secret]{
		fmt.Sprintf("at least %d random characters, as openssl rand -base64 32 makes them", minSecretLength),
		func(value any) (Secret, bool) {
			s, ok := printable(value)
			return Secret(s), ok && utf8.RuneCountInString(s) >= minSecretLength
		},
		hide,
	}
}

func password() format[Secret] {
	return format[Secret]{
		"text",
		func(value any) (Secret, bool) {
			s, ok := printable(value)
			return Secret(s), ok
		},
		hide,
	}
}

func hide(s Secret) string {
	if s == "" {
		return ""
	}
	return s.String()
}

// list accepts a YAML list, or a text with commas or line breaks between the items.
func list[T any](expects string, item format[T]) format[[]T] {
	return format[[]T]{
		expects,
		func(value any) ([]T, bool) {
			var values []any
			switch v := value.(type) {
			case []any:
				values = v
			case string:
				for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == '\n' }) {
					if part = strings.TrimSpace(part); part != "" {
						values = append(values, part)
					}
				}
			default:
				return nil, false
			}
			items := make([]T, len(values))
			for i := range values {
				var ok bool
				if items[i], ok = item.read(values[i]); !ok {
					return nil, false
				}
			}
			return items, true
		},
		func(items []T) string {
			shown := make([]string, len(items))
			for i := range items {
				shown[i] = item.write(items[i])
			}
			return "[" + strings.Join(shown, ", ") + "]"
		},
	}
}

// network accepts a network or a single address. 0.0.0.0/0 and ::/0 would believe whatever a
// client claims about itself.
func network() format[netip.Prefix] {
	return format[netip.Prefix]{
		"a network",
		func(value any) (netip.Prefix, bool) {
			s, _ := value.(string)
			if address, err := netip.ParseAddr(s); err == nil && address.Zone() == "" {
				return netip.PrefixFrom(address, address.BitLen()), true
			}
			prefix, err := netip.ParsePrefix(s)
			return prefix.Masked(), err == nil && prefix.Bits() > 0
		},
		netip.Prefix.String,
	}
}

func hostPort() format[string] {
	return format[string]{
		"an address and a port, such as 127.0.0.1:8080",
		func(value any) (string, bool) {
			s, _ := value.(string)
			name, port, err := net.SplitHostPort(s)
			if err != nil || name != "" && !isHost(name) {
				return "", false
			}
			return s, isPort(port)
		},
		plain,
	}
}

func host() format[string] {
	return format[string]{
		"a host name or address without a port",
		func(value any) (string, bool) {
			s, _ := value.(string)
			return s, isHost(s)
		},
		plain,
	}
}

// isHost reports whether s is an IP address or reads like a host name. Underscores are no part of
// host names, but of the names that container networks give.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsFunc(label, notInLabel) {
			return false
		}
	}
	return true
}

func notInLabel(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}

// isPort reports whether s is a port, written without leading zeros.
func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && s == strconv.FormatUint(n, 10)
}

// loopback reports whether only this machine reaches host: localhost and the names below it
// (RFC 6761 §6.3), 127.0.0.0/8 and ::1.
func loopback(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// origin accepts what an issuer can be built on (OIDC Discovery §3: no query or fragment), and
// writes it in one way, as issuers are compared byte by byte.
func origin() format[string] {
	return format[string]{
		"an http or https URL with a host and no path, such as https://id.example.com",
		func(value any) (string, bool) {
			s, _ := value.(string)
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil ||
				u.Path != "" && u.Path != "/" || strings.ContainsAny(s, "?#") || !isHost(u.Hostname()) || strings.Contains(u.Host, "%") {
				return "", false
			}
			host := strings.ToLower(u.Hostname())
			if strings.Contains(host, ":") {
				host = "[" + host + "]"
			}
			switch port := u.Port(); {
			case port == "" && !strings.HasSuffix(u.Host, ":"), u.Scheme == "http" && port == "80", u.Scheme == "https" && port == "443":
				return u.Scheme + "://" + host, true
			default:
				return u.Scheme + "://" + host + ":" + port, isPort(port) && port != "0"
			}
		},
		plain,
	}
}

func databaseURL() format[DatabaseURL] {
	return format[DatabaseURL]{
		"sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %XX for special characters",
		func(value any) (DatabaseURL, bool) {
			s, ok := printable(value)
			if !ok {
				return "", false
			}
			if file, ok := strings.CutPrefix(s, "sqlite:"); ok {
				file = strings.TrimPrefix(file, "//") // sqlite://FILE, as others write it
				return DatabaseURL("sqlite:" + file), file != "" && !strings.HasPrefix(file, ":") && !strings.ContainsAny(file, "?#")
			}
			u, err := url.Parse(s)
			return DatabaseURL(s), err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") &&
				(u.Host != "" || u.Query().Has("host"))
		},
		DatabaseURL.String,
	}
}

func mailbox() format[string] {
	return format[string]{
		"a mail address, such as Acme <no-reply@acme.example>",
		func(value any) (string, bool) {
			s, _ := printable(value)
			_, err := mail.ParseAddress(s)
			return s, err == nil
		},
		plain,
	}
}
