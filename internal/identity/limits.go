package identity

// The limits are IAM's where it has one; those of policies are IAM's for the inline policies of a role.
const (
	accountsMax         = 1000 // each costs a few hundred bytes
	usersMax            = 5000 // per account
	groupsMax           = 300  // per account
	rolesMax            = 1000 // per account
	groupsOfUserMax     = 10
	keysMax             = 2 // per user, and per account for its root
	policiesMax         = 10
	policyBytesMax      = 10_240
	trustPolicyBytesMax = 4096

	sessionSecondsMin     = 3600 // of a role's longest session
	sessionSecondsMax     = 43_200
	sessionSecondsDefault = 3600
)
