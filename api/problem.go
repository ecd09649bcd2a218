package api

// Problem is the body of every error answer, as application/problem+json
// (RFC 9457) with our code.
type Problem struct {
	Type   string       `json:"type" example:"about:blank"`
	Title  string       `json:"title" example:"Not Found" doc:"The status in words."`
	Status int          `json:"status" example:"404"`
	Detail string       `json:"detail" doc:"What is wrong and, where it helps, the next step."`
	Code   string       `json:"code" example:"not_found" doc:"The kind of the error, for programs."`
	Param  string       `json:"param,omitempty" doc:"The field at fault."`
	Errors []FieldFault `json:"errors,omitempty" doc:"Every field at fault, when the request does not fit its schema."`
}

// FieldFault is one thing that is wrong with a request.
type FieldFault struct {
	Location string `json:"location,omitempty" example:"body.currency"`
	Message  string `json:"message"`
}
