package api

// Shape describes a struct of this package to the codecs: its members in the order in which they are written.
type Shape struct {
	Name    string
	Members []Member
}

// Member returns the member with this JSON name, or nil. Names are case-sensitive.
func (s *Shape) Member(name string) *Member {
	for i := range s.Members {
		if s.Members[i].Name == name {
			return &s.Members[i]
		}
	}
	return nil
}

// Index returns the index of the member with this JSON name, or -1. It does not allocate.
func (s *Shape) Index(name []byte) int {
	for i := range s.Members {
		if s.Members[i].Name == string(name) {
			return i
		}
	}
	return -1
}

// MaxItems is how many items a codec accepts in one list or map of a request. It is far above every limit
// of SQS, so that services count and complain as AWS does, and bounds what a small body can make the
// decoder allocate.
const MaxItems = 1000

// TooManyItems is the error for n > MaxItems items in the member.
func (m *Member) TooManyItems(n int) *Error {
	if m.BatchEntries {
		return TooManyEntriesInBatchRequest.Newf("Maximum number of entries per request are 10. You have sent %d.", n)
	}
	return MalformedInput.Newf("%s has %d items, more than the %d that a request may have.", m.Name, n, MaxItems)
}

// Member describes one field of a struct. The zero values of the options are the common case.
type Member struct {
	// Name is the member's name in JSON, and in Query where no other is given.
	Name string
	// Query is the name of a list or map in Query requests and the element of its items in XML:
	// "Tag" for Tags. For scalars it equals Name.
	Query string
	// Plural is the other name under which Query requests may have the member: "Tags". Some SDKs
	// were generated to use it (reference/sqs.md 1.4). For scalars it equals Name.
	Plural string
	// Key and Value are the names inside one item of a map in Query: "Name" and "Value", or "Key" and "Value".
	Key, Value string
	// Items describes the items of a list of structs and the values of a map of structs, else nil.
	Items *Shape
	// RenderedName is the member's name where the XML is rendered as JSON (Accept: application/json).
	RenderedName string
	// BatchEntries marks the Entries of a batch: Query cannot tell absent from empty and
	// means empty, and too many of them are TooManyEntriesInBatchRequest.
	BatchEntries bool
	// NumbersAsText marks a map whose values may be sent as JSON numbers in place of strings.
	NumbersAsText bool

	// at returns a pointer to the field in the struct that the argument points to.
	at func(structure any) any
}

// At returns a pointer to the member's field in *structure, whose type must be the shape's struct.
// It is one of:
//
//	*string            a string; absent is ""
//	**string, **int64  an optional scalar; absent is nil
//	*int64, *bool      always there; in outputs only
//	*[]byte            a blob; absent is nil
//	*[]string          a list; absent is nil
//	*[][]byte          a list of blobs; absent is nil
//	*map[string]string
//	*map[string]MessageAttributeValue
//	List               a list of structs, described by Items
func (m *Member) At(structure any) any { return m.at(structure) }

// Absent says whether an output has nothing to write in a field, given as by [Member.At]: an empty
// string, list or map, or a nil pointer or blob. Numbers and booleans that are not pointers are always written.
func Absent(field any) bool {
	switch at := field.(type) {
	case *string:
		return *at == ""
	case **string:
		return *at == nil
	case **int64:
		return *at == nil
	case *[]byte:
		return *at == nil
	case *[]string:
		return len(*at) == 0
	case *[][]byte:
		return len(*at) == 0
	case *map[string]string:
		return len(*at) == 0
	case *map[string]MessageAttributeValue:
		return len(*at) == 0
	case List:
		return at.Len() == 0
	}
	return false
}

// List gives the codecs access to a field that is a slice of structs.
type List interface {
	Len() int
	// Present is false if the slice is nil.
	Present() bool
	// Item returns a pointer to the struct at index i. It is valid until the next Append.
	Item(i int) any
	// Append adds a zero struct and returns a pointer to it, valid until the next Append.
	Append() any
	// Empty makes the slice empty and non-nil.
	Empty()
}

// batchEntries is how many entries batches have when clients fill them.
const batchEntries = 10

// structs is the List over a field of type []T.
type structs[T any] struct{ field *[]T }

func (l structs[T]) Len() int       { return len(*l.field) }
func (l structs[T]) Present() bool  { return *l.field != nil }
func (l structs[T]) Item(i int) any { return &(*l.field)[i] }
func (l structs[T]) Empty()         { *l.field = []T{} }
func (l structs[T]) Append() any {
	var zero T
	if cap(*l.field) == 0 {
		*l.field = make([]T, 0, batchEntries) // at once: growing to it takes four more allocations
	}
	*l.field = append(*l.field, zero)
	return &(*l.field)[len(*l.field)-1]
}

// shape makes the description of one struct.
func shape(name string, members ...Member) *Shape { return &Shape{Name: name, Members: members} }

// scalar describes a member with one value.
func scalar[S, F any](name string, field func(*S) *F) Member {
	return Member{Name: name, Query: name, Plural: name, RenderedName: name, at: func(s any) any { return field(s.(*S)) }}
}

// list describes a list of strings or blobs; singular is its name in Query.
func list[S, F any](name, singular string, field func(*S) *F) Member {
	m := scalar(name, field)
	m.Query = singular
	return m
}

// named describes a map whose items are Name and Value in Query.
func named[S, F any](name, singular string, items *Shape, field func(*S) *F) Member {
	m := list(name, singular, field)
	m.Key, m.Value, m.Items = "Name", "Value", items
	return m
}

// tagged describes a map whose items are Key and Value in Query.
func tagged[S any](name string, field func(*S) *map[string]string) Member {
	m := list(name, "Tag", field)
	m.Key, m.Value = "Key", "Value"
	return m
}

// records describes a list of structs; singular is its name in Query.
func records[S, T any](name, singular string, items *Shape, field func(*S) *[]T) Member {
	m := scalar(name, field)
	m.Query, m.Items = singular, items
	m.at = func(s any) any { return List(structs[T]{field(s.(*S))}) }
	return m
}

// entries describes the Entries of a batch input.
func entries[S, T any](singular string, items *Shape, field func(*S) *[]T) Member {
	m := records("Entries", singular, items, field)
	m.BatchEntries = true
	return m
}

// queueAttributes describes the map of queue attributes of an input.
func queueAttributes[S any](field func(*S) *map[string]string) Member {
	m := named("Attributes", "Attribute", nil, field)
	m.NumbersAsText = true
	return m
}

// rendered gives a member another name where XML is rendered as JSON.
func rendered(as string, m Member) Member {
	m.RenderedName = as
	return m
}
