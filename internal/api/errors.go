package api

import (
	"errors"
	"fmt"
)

// Namespaces of the errors' shapes in JSON.
const (
	modelled = "com.amazonaws.sqs"
	generic  = "com.amazon.coral.service"
)

// ErrorKind is one row of the table of errors (reference/sqs.md 2.1). A kind is itself an error, so
// that errors.Is(err, api.QueueDoesNotExist) tells whether err is an [*Error] of this kind.
type ErrorKind struct {
	// Shape and Namespace make up the JSON __type: "<Namespace>#<Shape>".
	Shape, Namespace string
	// QueryCode is the code in Query, in the x-amzn-query-error header, and in failed batch entries.
	QueryCode string
	// Status is the HTTP status; 4xx is the sender's fault, 5xx the receiver's.
	Status int
	// Text is the message when nothing more particular is said.
	Text string
	// QueryText replaces Text in Query where AWS words it differently; else "".
	QueryText string
}

// New returns an error of this kind with its default text.
func (k *ErrorKind) New() *Error { return &Error{Kind: k, Message: k.Text} }

// Newf returns an error of this kind with a text of its own, formatted as by fmt.Sprintf.
func (k *ErrorKind) Newf(format string, args ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// SenderFault is true if the client is to blame, which is so for every status below 500.
func (k *ErrorKind) SenderFault() bool { return k.Status < 500 }

// Fault returns "Sender" or "Receiver".
func (k *ErrorKind) Fault() string {
	if k.SenderFault() {
		return "Sender"
	}
	return "Receiver"
}

// Error makes a kind usable with errors.Is; it is not meant for clients.
func (k *ErrorKind) Error() string { return k.Shape }

// Error is a failure that the client gets to see, in these words.
type Error struct {
	Kind *ErrorKind
	// Message is the text in JSON and in failed batch entries. It is also the text in Query,
	// except for the default texts that AWS words differently there; see QueryText.
	Message string
	// Denial is why policies denied the request, for logs and never for the client; "" if none did.
	Denial string
}

// Error returns the query code and the message.
func (e *Error) Error() string { return e.Kind.QueryCode + ": " + e.Message }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

// QueryText returns the message for the Query protocol.
func (e *Error) QueryText() string {
	if e.Kind.QueryText != "" && e.Message == e.Kind.Text {
		return e.Kind.QueryText
	}
	return e.Message
}

// AsError returns the error that the client shall see if there is one in err's chain: an [*Error], or
// an [*ErrorKind] that was returned as it is. It returns nil for every other error, which is internal.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var k *ErrorKind
	if errors.As(err, &k) {
		return k.New()
	}
	return nil
}

// BatchEntry returns the error as the result of one entry of a batch.
func (e *Error) BatchEntry(id string) BatchResultErrorEntry {
	return BatchResultErrorEntry{Id: id, SenderFault: e.Kind.SenderFault(), Code: e.Kind.QueryCode, Message: e.Message}
}

// Missing returns the MissingParameter error for a required parameter that is absent.
func Missing(parameter string) *Error {
	return MissingParameter.Newf("The request must contain the parameter %s.", parameter)
}

// InvalidValue returns the InvalidParameterValue error in the words most of them share:
// "Value <value> for parameter <parameter> is invalid. Reason: <reason>".
// The reason brings its own full stop.
func InvalidValue(value any, parameter, reason string) *Error {
	return InvalidParameterValue.Newf("Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

// ErrorKinds is the table of errors: every kind below, in that order. It must not be changed.
var ErrorKinds []*ErrorKind

// The rows of the table of errors, by the names that services use.
var (
	QueueDoesNotExist = inQuery("The specified queue does not exist for this wsdl version.",
		row("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400, "The specified queue does not exist."))
	QueueNameExists              = row("QueueNameExists", "QueueAlreadyExists", 400, "A queue already exists with the same name and a different value for an attribute")
	QueueDeletedRecently         = row("QueueDeletedRecently", prefixed, 400, "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	PurgeQueueInProgress         = row("PurgeQueueInProgress", prefixed, 403, "Only one PurgeQueue operation is allowed every 60 seconds.")
	ReceiptHandleIsInvalid       = row("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404, "The input receipt handle is not a valid receipt handle.")
	MessageNotInflight           = row("MessageNotInflight", prefixed, 400, "The message is not in flight.")
	OverLimit                    = row("OverLimit", "OverLimit", 403, "Too many messages have been received without being deleted. Please delete your received messages or let them timeout before receiving more.")
	EmptyBatchRequest            = row("EmptyBatchRequest", prefixed, 400, "There should be at least one entry in the request.")
	TooManyEntriesInBatchRequest = row("TooManyEntriesInBatchRequest", prefixed, 400, "Maximum number of entries per request are 10.")
	BatchEntryIdsNotDistinct     = row("BatchEntryIdsNotDistinct", prefixed, 400, "Two or more batch entries have the same Id in the request.")
	InvalidBatchEntryId          = row("InvalidBatchEntryId", prefixed, 400, "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
	BatchRequestTooLong          = row("BatchRequestTooLong", prefixed, 400, "Batch requests cannot be longer than 1048576 bytes.")
	InvalidMessageContents       = row("InvalidMessageContents", "InvalidMessageContents", 400, "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	InvalidAttributeName         = row("InvalidAttributeName", "InvalidAttributeName", 400, "The specified attribute doesn't exist.")
	InvalidAttributeValue        = row("InvalidAttributeValue", "InvalidAttributeValue", 400, "A queue attribute value is invalid.")
	InvalidIdFormat              = row("InvalidIdFormat", "InvalidIdFormat", 400, "The specified receipt handle isn't valid for the current version.")
	UnsupportedOperation         = row("UnsupportedOperation", prefixed, 400, "This operation is not supported.")
	ResourceNotFound             = row("ResourceNotFoundException", "ResourceNotFoundException", 404, "The resource that you specified doesn't exist.")
	InvalidAddress               = row("InvalidAddress", "InvalidAddress", 404, "The address is not valid for this endpoint.")
	InvalidSecurity              = row("InvalidSecurity", "InvalidSecurity", 403, "The request was not made over HTTPS or did not use SigV4 for signing.")
	RequestThrottled             = row("RequestThrottled", "RequestThrottled", 403, "Request is throttled.")

	KmsAccessDenied    = row("KmsAccessDenied", "KMS.AccessDeniedException", 400, "The caller doesn't have the required KMS access.")
	KmsDisabled        = row("KmsDisabled", "KMS.DisabledException", 400, "The request was denied because the KMS key is disabled.")
	KmsInvalidKeyUsage = row("KmsInvalidKeyUsage", "KMS.InvalidKeyUsageException", 400, "The KMS key cannot be used to encrypt and decrypt.")
	KmsInvalidState    = row("KmsInvalidState", "KMS.InvalidStateException", 400, "The state of the KMS key is not valid for this request.")
	KmsNotFound        = row("KmsNotFound", "KMS.NotFoundException", 400, "The KMS key was not found.")
	KmsOptInRequired   = row("KmsOptInRequired", "KMS.OptInRequired", 403, "The access key needs a subscription for the KMS service.")
	KmsThrottled       = row("KmsThrottled", "KMS.ThrottlingException", 400, "KMS throttles requests.")

	InvalidParameterValue      = common("InvalidParameterValueException", "InvalidParameterValue", 400, "A parameter has an invalid value.")
	MissingParameter           = common("MissingRequiredParameterException", "MissingParameter", 400, "The request is missing a parameter.")
	UnknownOperation           = common("UnknownOperationException", "InvalidAction", 400, "The action is not valid for this endpoint.")
	MalformedInput             = common("SerializationException", "MalformedInput", 400, "The request could not be parsed.")
	AccessDenied               = common("AccessDeniedException", "AccessDenied", 403, "Access to the resource is denied.")
	UnrecognizedClient         = common("UnrecognizedClientException", "InvalidClientTokenId", 403, "The security token included in the request is invalid.")
	InvalidSignature           = common("InvalidSignatureException", "SignatureDoesNotMatch", 403, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	IncompleteSignature        = common("IncompleteSignatureException", "IncompleteSignature", 400, "The Authorization header is incomplete.")
	MissingAuthenticationToken = common("MissingAuthenticationTokenException", "MissingAuthenticationToken", 403, "Request is missing Authentication Token")
	ExpiredToken               = common("ExpiredTokenException", "ExpiredToken", 403, "The security token included in the request is expired")
	RequestTimeout             = common("RequestTimeoutException", "RequestTimeout", 408, "The request was not received in time.")
	RequestTooLarge            = common("RequestEntityTooLargeException", "RequestEntityTooLarge", 413, "The request is larger than this server accepts.")
	InternalFailure            = common("InternalFailure", "InternalFailure", 500, "The request failed inside the server. Its log has the cause under this request id.")
	ServiceUnavailable         = common("ServiceUnavailableException", "ServiceUnavailable", 503, "The server cannot take the request now. Try again.")
)

// prefixed stands for the query code "AWS.SimpleQueueService.<shape>".
const prefixed = ""

// row makes a row of an error that is in SQS's own model and enters it into the table.
func row(shape, queryCode string, status int, text string) *ErrorKind {
	if queryCode == prefixed {
		queryCode = "AWS.SimpleQueueService." + shape
	}
	k := &ErrorKind{Shape: shape, Namespace: modelled, QueryCode: queryCode, Status: status, Text: text}
	ErrorKinds = append(ErrorKinds, k)
	return k
}

// common makes a row of an error that all AWS services share and enters it into the table.
func common(shape, queryCode string, status int, text string) *ErrorKind {
	k := row(shape, queryCode, status, text)
	k.Namespace = generic
	return k
}

// inQuery gives a row the words that Query uses in place of its text.
func inQuery(text string, k *ErrorKind) *ErrorKind {
	k.QueryText = text
	return k
}
