//! How large what is in the file.

use std::collections::BTreeMap;

use crm_store::StoreResult;

use crate::SqliteLedger;
use crate::error::sql;

impl SqliteLedger {
    /// Returns how many bytes of the file each table has, its indexes included. Reads every page.
    ///
    /// # Errors
    /// [`StoreError::Backend`](crm_store::StoreError::Backend) if the file cannot be read.
    pub fn sizes(&self) -> StoreResult<BTreeMap<String, u64>> {
        let text = "SELECT schema.tbl_name, sum(stat.pgsize) FROM dbstat AS stat
             JOIN sqlite_schema AS schema ON schema.name = stat.name
             GROUP BY schema.tbl_name";
        let mut statement = self.connection.prepare(text).map_err(sql)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
        });
        rows.map_err(sql)?.map(|row| row.map_err(sql)).collect()
    }
}
