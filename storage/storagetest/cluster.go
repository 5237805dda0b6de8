package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is a PostgreSQL server of its own, in a temporary directory and on a loopback port that
// it keeps when it is restarted. It ends with the process that started it, however that ends.
type Cluster struct {
	bin, dir string
	durable  bool
	port     int
	as       *syscall.Credential
	stdin    io.WriteCloser // of the watchdog; nil while the server is down
	gone     chan struct{}  // closed when watchdog and server have ended
}

// watchdog runs the server until it is told to stop it, or until the process that should have told
// it is gone, and then removes the directory too.
const watchdog = `
dir=$1; shift
"$@" >>"$dir/log" 2>&1 &
exec 3>&-
if read -r word; then
	kill -INT $!; wait $!
else
	kill -QUIT $!; wait $!
	rm -rf "$dir"
fi`

// NewCluster makes a cluster and starts it. A durable one survives Kill with everything that was
// committed; another is faster.
func NewCluster(durable bool) (_ *Cluster, err error) {
	c := &Cluster{durable: durable}
	if c.bin, err = serverPrograms(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp(parent(durable), "portico-postgres-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(c.dir)
		}
	}()
	if os.Getuid() == 0 { // the server refuses to run as root
		if c.as, err = ordinaryUser(); err != nil {
			return nil, err
		}
		if err := os.Chown(c.dir, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return nil, err
		}
	}
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	initdb := c.command(filepath.Join(c.bin, "initdb"), "--pgdata", c.data(), "--username", "portico",
		"--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return c, c.Start()
}

// URL is the URL of a database of the cluster.
func (c *Cluster) URL(database string) string {
	return fmt.Sprintf("postgres://portico@127.0.0.1:%d/%s?sslmode=disable", c.port, database)
}

// Start starts the server and returns when it answers. After Kill this includes its recovery.
func (c *Cluster) Start() error {
	durable := "off"
	if c.durable {
		durable = "on"
	}
	args := []string{"-c", watchdog, "sh", c.dir, filepath.Join(c.bin, "postgres"), "-D", c.data()}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(c.port), "unix_socket_directories=" + c.dir,
		"max_connections=500", "shared_buffers=64MB", "max_wal_size=256MB", "timezone=UTC", "log_min_messages=warning",
		"fsync=" + durable, "synchronous_commit=" + durable, "full_page_writes=" + durable,
	} {
		args = append(args, "-c", setting)
	}
	cmd := c.command("sh", args...)
	cmd.SysProcAttr.Setpgid = true // an interrupt from the terminal is for us, not for the server
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	alive, held, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.ExtraFiles = []*os.File{held}
	err = cmd.Start()
	held.Close()
	if err != nil {
		alive.Close()
		return err
	}
	gone := make(chan struct{})
	go func() {
		io.Copy(io.Discard, alive) // ends when every process of the server has
		alive.Close()
		cmd.Wait()
		close(gone)
	}()
	c.stdin, c.gone = stdin, gone
	return c.await(time.Minute)
}

// await returns when the server answers, or stops it if it doesn't in time.
func (c *Cluster) await(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
			continue
		case <-c.gone:
		case <-ctx.Done():
		}
		log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		return errors.Join(fmt.Errorf("start PostgreSQL: %w\n%s", err, log), c.Stop())
	}
}

func (c *Cluster) answers(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// Stop shuts the server down as an administrator would; open connections are ended.
func (c *Cluster) Stop() error {
	if c.stdin == nil {
		return nil
	}
	_, err := io.WriteString(c.stdin, "stop\n")
	<-c.gone
	c.stdin = nil
	return err
}

// Kill ends the server at once, as a crash would.
func (c *Cluster) Kill() error {
	if pid := c.pid(); pid != 0 {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
	}
	return c.Stop()
}

// Close ends the server and removes all that it kept.
func (c *Cluster) Close() error {
	if c.stdin != nil {
		c.stdin.Close()
		<-c.gone
		c.stdin = nil
	}
	return os.RemoveAll(c.dir)
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// pid is the process ID of the server, 0 if it isn't running.
func (c *Cluster) pid() int {
	content, _ := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	line, _, _ := strings.Cut(string(content), "\n")
	pid, _ := strconv.Atoi(line)
	return pid
}

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	return cmd
}

// serverPrograms finds the directory of initdb and postgres.
func serverPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("the server programs of PostgreSQL (initdb, postgres) are not installed: " +
		"run `make test`, which installs them, or set " + urlVariable)
}

// parent is where to make the directory of a cluster. Cloning a database takes a tenth of the
// time in memory; "" is the usual place.
func parent(durable bool) string {
	const memory, enough = "/dev/shm", 2 << 30
	var free syscall.Statfs_t
	if durable || syscall.Statfs(memory, &free) != nil || free.Bavail*uint64(free.Bsize) < enough {
		return ""
	}
	return memory
}

func ordinaryUser() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL doesn't run as root, and there is no user postgres or nobody")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
