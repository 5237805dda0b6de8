package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// The roles in which this program starts itself.
const (
	roleServe = "serve"
	roleFloor = "floor"
	roleLoad  = "load"
)

// process is another process: this program in one of its roles, with which it speaks JSON over the standard streams, or the
// server.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	reader *json.Decoder
	writer *json.Encoder
}

// start starts this program in a role. It ends when its standard input does.
func start(role string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, append([]string{role}, args...)...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd, stdin: stdin, reader: json.NewDecoder(stdout), writer: json.NewEncoder(stdin)}, nil
}

// call sends a question to the process and reads the answer.
func (p *process) call(question, answer any) error {
	if err := p.writer.Encode(question); err != nil {
		return err
	}
	return p.read(answer)
}

func (p *process) read(answer any) error {
	err := p.reader.Decode(answer)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the process %q has ended", p.cmd.Args[1])
	}
	return err
}

// stop lets the process end by itself.
func (p *process) stop() error {
	p.stdin.Close()
	return p.cmd.Wait()
}

// ticksPerSecond is the unit of /proc/PID/stat: USER_HZ, which is 100 on every architecture that Go runs on.
const ticksPerSecond = 100

// cpu is the CPU time, in user and system mode, that the process has taken up to now.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The second field is the name of the program in parentheses, which may hold spaces (proc_pid_stat(5)).
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat has fewer fields than expected")
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// resident is the memory of the process that is in RAM, in bytes.
func (p *process) resident() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, errors.New("/proc/PID/statm has fewer fields than expected")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
