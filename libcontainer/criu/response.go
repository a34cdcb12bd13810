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
		case 7:
			r.Errno = number
		case 9:
			r.Message = string(bytes)
		case 4, 5, 8:
			return r.unmarshalInner(field, bytes)
		}
		return nil
	})
	if err == nil && has != [2]bool{true, true} {
		err = errMessage
	}
	return kernel.Failed("response of criu", err)
}

// unmarshalInner decodes those fields that are messages themselves.
func (r *Response) unmarshalInner(outer int, m []byte) error {
	return fields(m, func(field, number int, bytes []byte) error {
		switch [...]int{outer, field} {
		case [...]int{4, 1}:
			r.Restored = number
		case [...]int{5, 1}:
			r.Script = string(bytes)
		case [...]int{5, 2}:
			r.Pid = number
		case [...]int{8, 1}:
			r.Features.MemTrack = number != 0
		case [...]int{8, 2}:
			r.Features.LazyPages = number != 0
		}
		return nil
	})
}
