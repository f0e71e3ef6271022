package catalog

import (
	"cmp"

	"github.com/staunchmq/staunch/internal/queue"
)

// Key names a queue: names are unique within an account and region, and case-sensitive (reference/sqs.md 3.1).
type Key struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Name    string `json:"name"`
}

// compare orders keys by account, region and name.
func (k Key) compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Account, other.Account), cmp.Compare(k.Region, other.Region), cmp.Compare(k.Name, other.Name))
}

// QueueID tells a queue from every other that there was or will be, also from an earlier one of the same name. It comes from the
// same sequence as the IDs of partitions, see [View.NextID].
type QueueID uint64

// Queue is the definition of a queue. Queues in a View are shared and must not be changed; make a change with a copy.
type Queue struct {
	ID QueueID `json:"id"`
	Key
	Attributes Attributes        `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
	// Created and Modified are Unix ms. Modified is the time of the last change of attributes or permissions.
	Created  int64 `json:"created"`
	Modified int64 `json:"modified"`
	// Partitions hold the messages. There is at least one.
	Partitions []Partition `json:"partitions"`
}

// Partition says on which shard a partition lies.
type Partition struct {
	ID    queue.ID `json:"id"`
	Shard int      `json:"shard"`
}

// Attributes are the attributes of a queue that can be set (reference/sqs.md 5.1), with all defaults filled in.
type Attributes struct {
	FIFO bool `json:"fifo,omitempty"`

	VisibilityTimeoutSeconds     int64  `json:"visibility_timeout_seconds"`
	DelaySeconds                 int64  `json:"delay_seconds"`
	MessageSizeMax               int64  `json:"message_size_max"` // bytes
	RetentionSeconds             int64  `json:"retention_seconds"`
	ReceiveWaitSeconds           int64  `json:"receive_wait_seconds"`
	KMSDataKeyReusePeriodSeconds int64  `json:"kms_data_key_reuse_period_seconds"`
	KMSMasterKeyID               string `json:"kms_master_key_id,omitempty"` // empty without one
	SQSManagedSSE                bool   `json:"sqs_managed_sse,omitempty"`

	// The following are for FIFO queues only.
	ContentBasedDeduplication bool `json:"content_based_deduplication,omitempty"`
	DeduplicateByGroup        bool `json:"deduplicate_by_group,omitempty"` // DeduplicationScope=messageGroup
	ThroughputPerGroup        bool `json:"throughput_per_group,omitempty"` // FifoThroughputLimit=perMessageGroupId

	// Policy and RedriveAllowPolicy are JSON as it was set; empty without one.
	Policy             string `json:"policy,omitempty"`
	RedriveAllowPolicy string `json:"redrive_allow_policy,omitempty"`
	// Redrive is nil without a redrive policy.
	Redrive *RedrivePolicy `json:"redrive,omitempty"`
}

// RedrivePolicy names the dead-letter queue of a queue. The target need not exist any more.
type RedrivePolicy struct {
	// TargetARN is the ARN as it was set, and Target what it names.
	TargetARN       string `json:"target_arn"`
	Target          Key    `json:"target"`
	MaxReceiveCount uint32 `json:"max_receive_count"`
}
