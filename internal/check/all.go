package check

// All are the checks in the order in which they are reported: whether the nodes can be seen, who they are, what state they
// are in, what a clone needs, what the channel and the proof need, what would be lost, and what the run does to the
// service.
func All() []Check {
	return []Check{
		nodeReachable,
		nodeAccess,
		nodeReadable,
		twoNodes,
		nodesKnown,
		oneServerTwice,
		onePrimary,
		comparable,
		followsPrimary,
		primaryOpen,
		fenceState,
		feedsOthers,
		groupReplication,
		oneChannel,
		replicationFilters,
		delayedReplica,
		cloneIdle,

		adminGrants,
		runAccounts,

		cloneVersions,
		cloneSettings,
		tableNameCase,
		packetSize,
		forcedRecovery,
		clonePlugin,
		clonePluginKept,
		pluginsLoadable,
		donorList,
		peerAddress,
		networkPath,
		onlyInnoDB,
		room,
		supervisor,

		gtidMode,
		binaryLog,
		commitOrder,
		persistedSettings,

		unreplicatedWrites,
		dataWithoutGTIDs,

		servingFloor,
	}
}
