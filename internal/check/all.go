package check

// All are the checks in the order in which they are reported: whether the nodes can be seen, who they are, how the
// primary is, what state they are in, what a clone needs, what the channel and the proof need, what would be lost, and what the run does to the
// service.
func All() []Check {
	return []Check{
		nodeReachable,
		nodeAccess,
		nodeReadable,
		performanceSchema,
		twoNodes,
		nodesKnown,
		oneServerTwice,
		onePrimary,
		comparable,
		followsPrimary,
		primaryOpen,
		unlistedReplicas,

		primaryUptime,
		primaryErrors,
		primaryDDL,
		longTransactions,
		primaryLoad,

		fenceState,
		feedsOthers,
		groupReplication,
		oneChannel,
		replicationFilters,
		delayedReplica,
		cloneIdle,

		secrets,
		adminGrants,
		runAccounts,
		accountPasswords,
		fencePassers,

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
		binaryLogsLast,
		supervisor,

		gtidMode,
		binaryLog,
		commitOrder,
		persistedSettings,
		sessionAttributes,

		restoredPrimary,
		unreplicatedWrites,
		rescueArchive,
		dataWithoutGTIDs,

		servingFloor,
		hooksSet,
	}
}
