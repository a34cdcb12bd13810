package criu

import "github.com/rung-oci/rung/internal/kernel"

// A Response is what CRIU says (message criu_resp).
type Response struct {
	Type     Type
	Success  bool
	Restored int      // Restore: pid of the first process
	Script   string   // Notify: what has happened
	Pid      int      // Notify: of the first process, if it is known
	Errno    int      // of a failure, 0 if it is not known
	Message  string   // of a failure
	Features Features // FeatureCheck: those that there are
}

// Unmarshal decodes a response.
func (r *Response) Unmarshal(m []byte) error {
	*r = Response{}
	var has [2]bool
	err := fields(m, func(field, number int, bytes []byte) error {
		switch field {
		case 1:
			r.Type, has[0] = Type(number), true
		case 2:
			r.Success, has[1] = number != 0, true
		case 4:
			return fields(bytes, func(field, number int, _ []byte) error {
				if field == 1 {
					r.Restored = number
				}
				return nil
			})
		case 5:
			return fields(bytes, func(field, number int, bytes []byte) error {
				switch field {
				case 1:
					r.Script = string(bytes)
				case 2:
					r.Pid = number
				}
				return nil
			})
		case 7:
			r.Errno = number
		case 8:
			return fields(bytes, func(field, number int, _ []byte) error {
				switch field {
				case 1:
					r.Features.MemTrack = number != 0
				case 2:
					r.Features.LazyPages = number != 0
				}
				return nil
			})
		case 9:
			r.Message = string(bytes)
		}
		return nil
	})
	if err == nil && has != [2]bool{true, true} {
		err = errMessage
	}
	return kernel.Failed("response of criu", err)
}
