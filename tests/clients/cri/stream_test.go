package cri

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/websocket"
)

// The channels of a stream.
const (
	stdin       = 0
	stdout      = 1
	stderr      = 2
	streamError = 3 // JSON, a metav1.Status
	resize      = 4
)

// A stream is one exec or attach: frames in a WebSocket, each beginning with
// the number of its channel.
type stream struct {
	*attempt
	conn     *websocket.Conn
	received [4]bytes.Buffer // by channel
}

// stream opens the address that Exec or Attach gave.
func (a *attempt) stream(url string) *stream {
	config, err := websocket.NewConfig(strings.Replace(url, "http", "ws", 1), "http://localhost/")
	a.must(err)
	config.Protocol = []string{"v4.channel.k8s.io"}
	conn, err := config.DialContext(a.ctx)
	a.must(err)
	conn.PayloadType = websocket.BinaryFrame
	a.Cleanup(func() { conn.Close() })
	deadline, _ := a.ctx.Deadline()
	a.must(conn.SetDeadline(deadline))
	return &stream{attempt: a, conn: conn}
}

func (s *stream) send(channel byte, data string) {
	_, err := s.conn.Write(append([]byte{channel}, data...))
	s.must(err)
}

// receive takes one frame; it returns false when the stream has ended.
func (s *stream) receive() bool {
	var frame []byte
	err := websocket.Message.Receive(s.conn, &frame)
	if err == io.EOF {
		return false
	}
	if err != nil {
		s.Fatalf("receiving, after %q: %w", s.got(stdout), err)
	}
	if len(frame) > 0 {
		if int(frame[0]) >= len(s.received) {
			s.must(fmt.Errorf("a frame of channel %d", frame[0]))
		}
		s.received[frame[0]].Write(frame[1:])
	}
	return true
}

// receiveUntil takes frames until a channel has a text.
func (s *stream) receiveUntil(channel int, text string) {
	for !strings.Contains(s.received[channel].String(), text) {
		if !s.receive() {
			s.Fatalf("the stream ends before %q; it had %q", text, s.received[channel].String())
		}
	}
}

func (s *stream) receiveAll() {
	for s.receive() {
	}
}

// got returns what a channel has received.
func (s *stream) got(channel int) string { return s.received[channel].String() }
