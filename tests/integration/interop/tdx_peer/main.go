// SPDX-License-Identifier: Apache-2.0

// A TDX guest from public packages: Google's go-tdx-guest asks for the quote, and reads it.
//
//	tdx-peer SOCKET TDREPORT OUT
//
// The kernel's device is played here: it hands out the TDREPORT of a file, and passes on to the
// socket, as the VMM does, what the package put into the buffer for the quote service. This
// package puts the bare TDREPORT there (raw mode). One line of name=value pairs is printed.
package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/google/go-tdx-guest/abi"
	"github.com/google/go-tdx-guest/client"
	"github.com/google/go-tdx-guest/client/linuxabi"
	"github.com/google/go-tdx-guest/proto/tdx"
)

const limit = 10 * time.Second

// Where a TDREPORT holds its report data.
const reportDataAt = 128

type device struct {
	socket string
	report []byte
}

func (d *device) Open(string) error { return nil }

func (d *device) Close() error { return nil }

func (d *device) Ioctl(_ uintptr, argument any) (uintptr, error) {
	switch request := argument.(type) {
	case *linuxabi.TdxReportReq:
		wanted := request.ReportData[:]
		if !bytes.Equal(d.report[reportDataAt:reportDataAt+len(wanted)], wanted) {
			return 0, errors.New("the TDREPORT is for other report data")
		}
		copy(request.TdReport[:], d.report)
		return 0, nil
	case *linuxabi.TdxQuoteReq:
		return 0, d.quote(request.Buffer.(*linuxabi.TdxQuoteHdr))
	}
	return 0, fmt.Errorf("request of type %T", argument)
}

func (d *device) quote(buffer *linuxabi.TdxQuoteHdr) error {
	connection, err := net.DialTimeout("unix", d.socket, limit)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if _, err := connection.Write(buffer.Data[:buffer.InLen]); err != nil {
		return err
	}
	reply, err := io.ReadAll(io.LimitReader(connection, int64(len(buffer.Data))))
	if err != nil {
		return err
	}
	if len(reply) == 0 {
		buffer.Status = linuxabi.GetQuoteServiceUnavailable
	}
	buffer.OutLen = uint32(copy(buffer.Data[:], reply))
	return nil
}

func run(socket, report, out string) error {
	data, err := os.ReadFile(report)
	if err != nil {
		return err
	}
	if len(data) != linuxabi.TdReportSize {
		return fmt.Errorf("TDREPORT of %d bytes", len(data))
	}
	var reportData [linuxabi.TdReportDataSize]byte
	copy(reportData[:], data[reportDataAt:])
	quote, err := client.GetRawQuote(&device{socket, data}, reportData)
	if err != nil {
		return err
	}
	parsed, err := abi.QuoteToProto(quote)
	if err != nil {
		return err
	}
	v4, ok := parsed.(*tdx.QuoteV4)
	if !ok {
		return fmt.Errorf("quote of type %T", parsed)
	}
	body := v4.GetTdQuoteBody()
	fmt.Printf("bytes=%d version=%d tee_type=%#x mr_td=%s report_data=%s\n",
		len(quote), v4.GetHeader().GetVersion(), v4.GetHeader().GetTeeType(),
		hex.EncodeToString(body.GetMrTd()), hex.EncodeToString(body.GetReportData()))
	return os.WriteFile(out, quote, 0o600)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: tdx-peer SOCKET TDREPORT OUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}
