package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestOnlySQLIsForPasting(t *testing.T) {
	for remedy, want := range map[string]bool{
		"SET PERSIST max_allowed_packet = 67108864;":                        true,
		"SET SESSION sql_log_bin = 0; GRANT CLONE_ADMIN ON *.* TO 'a'@'%';": true,
		"GRANT A ON *.* TO 'x'@'%';\nGRANT B ON *.* TO 'x'@'%';\n":          true,
		"ALTER USER 'it''s; so'@'%' ACCOUNT UNLOCK;":                        true,
		`SET PERSIST init_connect = 'a\';b';`:                               true,
		"ALTER TABLE `a;b`.`c` ENGINE=InnoDB;":                              true,
		"":                                                                  false,
		";":                                                                 false,
		"SET PERSIST gtid_mode = ON":                                        false, // no end
		"if db1 is the primary: SET GLOBAL read_only = OFF;":                false,
		"wait until it has ended; or: KILL QUERY 7;":                        false,
		"SET PERSIST a = WARN; and after the error log stayed quiet: SET PERSIST a = ON;":       false,
		"SET SESSION sql_log_bin = 0; UNINSTALL PLUGIN clone; then put it into the option file": false,
		"start mysqld":    false,
		`"minServing": 0`: false,
		"STOP REPLICA FOR CHANNEL 'a; DROP DATABASE shop;": false, // the quote does not end
		"set it right;": false,
	} {
		assert.Equal(t, want, isSQL(remedy), remedy)
	}
}

func TestRemediesAreCollectedByNode(t *testing.T) {
	plan := *examplePlan()
	finding := func(node string, verdict contract.Verdict, remedy string) contract.Finding {
		return contract.Finding{Code: "a-check", Node: node, Verdict: verdict, Remedy: remedy}
	}
	plan.Findings = []contract.Finding{
		finding("db3", contract.VerdictFail, "SET SESSION sql_log_bin = 0; GRANT CLONE_ADMIN ON *.* TO 'a'@'%';"),
		finding("db3", contract.VerdictWarn, "SET PERSIST binlog_order_commits = ON;"),
		finding("db3", contract.VerdictWarn, "SET PERSIST binlog_order_commits = ON;"),
		finding("db2", contract.VerdictFail, "GRANT BACKUP_ADMIN ON *.* TO 'a'@'%'; (on the primary)"),
		finding("db2", contract.VerdictFail, "start mysqld"),
		finding("db2", contract.VerdictPass, "SET PERSIST nothing = 1;"),
		finding("", contract.VerdictFail, "SET GLOBAL super_read_only = OFF;"),
		finding("db1", contract.VerdictFail, "CREATE USER 'd'@'%' IDENTIFIED BY '<password>';"),
	}
	assert.Equal(t, []Remedies{
		{Node: "db1", Address: "db1.example.org:3306", Primary: true, SQL: []string{
			"GRANT BACKUP_ADMIN ON *.* TO 'a'@'%';", "CREATE USER 'd'@'%' IDENTIFIED BY '<password>';"}},
		{Node: "db3", Address: "db3.example.org:3306", SQL: []string{
			"SET SESSION sql_log_bin = 0; GRANT CLONE_ADMIN ON *.* TO 'a'@'%';", "SET PERSIST binlog_order_commits = ON;"}},
	}, RemediesOf(plan))
	golden(t, "doctor.txt", DoctorText(plan))
}

// A statement that is kept out of the binary log must not keep the next one out: that would be a node of its own again.
func TestPastedStatementsAreLoggedAsTheySay(t *testing.T) {
	quiet, loud := "SET SESSION sql_log_bin = 0; GRANT A ON *.* TO 'x'@'%';", "CREATE USER 'y'@'%';"
	assert.Equal(t, quiet+"\nSET SESSION sql_log_bin = 1;\n"+loud, Remedies{SQL: []string{quiet, loud}}.pasted())
	assert.Equal(t, loud+"\n"+quiet, Remedies{SQL: []string{loud, quiet}}.pasted())
}

func TestDoctorSaysWhetherARunWouldBeAccepted(t *testing.T) {
	warned := *examplePlan()
	assert.Contains(t, DoctorText(warned), "READY, WITH WARNINGS")
	golden(t, "doctor-warned.txt", DoctorText(warned))
	warned.Findings = warned.Findings[1:]
	passed := DoctorText(warned)
	assert.True(t, strings.HasPrefix(passed, "READY  cluster shop\n"), passed)
	assert.NotContains(t, passed, "SQL to paste")
	assert.Contains(t, DoctorText(*failingPlan()), "NOT READY")
}
