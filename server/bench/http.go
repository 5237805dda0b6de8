package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"
)

// conn is a connection that is kept alive. It understands as much of HTTP/1.1 as a Go server answers, and takes far less CPU
// than net/http does, which would leave less of the machine to the server under load.
type conn struct {
	net.Conn
	reader *bufio.Reader
	body   []byte
}

// answer is what came back. It is valid until the next request on the connection.
type answer struct {
	status   int
	location string
	body     []byte
}

func dial(address string) (*conn, error) {
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, reader: bufio.NewReaderSize(c, 16<<10)}, nil
}

// request is a whole request, ready to be written. form is nil for a GET.
func request(method, host, path string, form url.Values, headers ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n", method, path, host)
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if form == nil {
		b.WriteString("\r\n")
		return b.Bytes()
	}
	body := form.Encode()
	fmt.Fprintf(&b, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return b.Bytes()
}

var (
	headerLength   = []byte("content-length")
	headerEncoding = []byte("transfer-encoding")
	headerLocation = []byte("location")
)

// do sends a request and reads the answer, whose status must be the wanted one.
func (c *conn) do(request []byte, want int) (answer, error) {
	if _, err := c.Write(request); err != nil {
		return answer{}, err
	}
	a, err := c.read()
	if err == nil && a.status != want {
		end := bytes.IndexByte(request, '\r')
		err = fmt.Errorf("%s: status %d, not %d: %s", request[:end], a.status, want, a.body)
	}
	return a, err
}

func (c *conn) read() (a answer, err error) {
	line, err := c.line()
	if err != nil {
		return a, err
	}
	if len(line) < 12 {
		return a, errors.New("no HTTP answer")
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, err
	}
	length, chunked := 0, false
	for {
		if line, err = c.line(); err != nil {
			return a, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, headerLength):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return a, err
			}
		case bytes.EqualFold(name, headerEncoding):
			chunked = true
		case bytes.EqualFold(name, headerLocation):
			a.location = string(value)
		}
	}
	if chunked {
		if a.body, err = io.ReadAll(httputil.NewChunkedReader(c.reader)); err != nil {
			return a, err
		}
		_, err = c.line() // after the last chunk
		return a, err
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	a.body = c.body[:length]
	_, err = io.ReadFull(c.reader, a.body)
	return a, err
}

func (c *conn) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// member is the string in the JSON object that has the name, as far as it has no escapes: tokens have none.
func (a answer) member(name string) (string, error) {
	_, rest, found := bytes.Cut(a.body, []byte(`"`+name+`":"`))
	end := bytes.IndexByte(rest, '"')
	if !found || end < 0 {
		return "", fmt.Errorf("no %s in %s", name, a.body)
	}
	return string(rest[:end]), nil
}
