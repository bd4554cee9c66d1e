//! The store's trait over whatever runs calls on a ledger.

/// Implements `Store` for a type with `async fn call(&self, FnOnce(&mut SqliteLedger) ->
/// StoreResult<T>) -> StoreResult<T>`. What a call takes is owned, since it may cross a thread.
macro_rules! store_over_ledger {
    ($shell:ty) => {
        #[async_trait::async_trait]
        impl crm_store::Store for $shell {
            async fn entities(
                &self,
                ids: &[crm_core::EntityId],
            ) -> crm_store::StoreResult<Vec<Option<crm_store::Entity>>> {
                let ids = ids.to_vec();
                self.call(move |ledger| ledger.entities(&ids)).await
            }

            async fn links(
                &self,
                provider: &crm_core::ProviderId,
                kind: crm_core::ObjectKind,
                ids: &[crm_core::RemoteId],
            ) -> crm_store::StoreResult<Vec<Option<crm_store::Resolved>>> {
                let (provider, ids) = (provider.clone(), ids.to_vec());
                self.call(move |ledger| ledger.links(&provider, kind, &ids)).await
            }

            async fn tied(
                &self,
                provider: &crm_core::ProviderId,
                kind: crm_core::ObjectKind,
                ids: &[crm_core::RemoteId],
            ) -> crm_store::StoreResult<Vec<Option<crm_store::Entity>>> {
                let (provider, ids) = (provider.clone(), ids.to_vec());
                self.call(move |ledger| ledger.tied(&provider, kind, &ids)).await
            }

            async fn candidates(
                &self,
                kind: crm_core::ObjectKind,
                keys: &[crm_store::KeyHash],
            ) -> crm_store::StoreResult<Vec<Vec<crm_core::EntityId>>> {
                let keys = keys.to_vec();
                self.call(move |ledger| ledger.candidates(kind, &keys)).await
            }

            async fn scan(
                &self,
                kind: crm_core::ObjectKind,
                after: crm_store::Seq,
                limit: usize,
            ) -> crm_store::StoreResult<Vec<crm_store::Entity>> {
                self.call(move |ledger| ledger.scan(kind, after, limit)).await
            }

            async fn lease(
                &self,
                request: crm_store::LeaseRequest,
            ) -> crm_store::StoreResult<Vec<crm_store::Leased>> {
                self.call(move |ledger| ledger.lease(&request)).await
            }

            async fn next_due(
                &self,
                kind: crm_core::ObjectKind,
            ) -> crm_store::StoreResult<Option<jiff::Timestamp>> {
                self.call(move |ledger| ledger.next_due(kind)).await
            }

            async fn cursor(
                &self,
                provider: &crm_core::ProviderId,
                kind: crm_core::ObjectKind,
                feed: &str,
            ) -> crm_store::StoreResult<Option<crm_core::Cursor>> {
                let (provider, feed) = (provider.clone(), feed.to_owned());
                self.call(move |ledger| ledger.cursor(&provider, kind, &feed)).await
            }

            async fn account(
                &self,
                provider: &crm_core::ProviderId,
            ) -> crm_store::StoreResult<Option<String>> {
                let provider = provider.clone();
                self.call(move |ledger| ledger.account(&provider)).await
            }

            async fn stage(
                &self,
                kind: crm_core::ObjectKind,
            ) -> crm_store::StoreResult<crm_store::Stage> {
                self.call(move |ledger| ledger.stage(kind)).await
            }

            async fn written_plan(
                &self,
                hash: &str,
            ) -> crm_store::StoreResult<Option<crm_store::WrittenPlan>> {
                let hash = hash.to_owned();
                self.call(move |ledger| ledger.written_plan(&hash)).await
            }

            async fn conflicts(
                &self,
                query: crm_store::ConflictQuery,
            ) -> crm_store::StoreResult<Vec<crm_store::Conflict>> {
                self.call(move |ledger| ledger.conflicts(&query)).await
            }

            async fn problems(
                &self,
                query: crm_store::ProblemQuery,
            ) -> crm_store::StoreResult<Vec<crm_store::Entity>> {
                self.call(move |ledger| ledger.problems(query)).await
            }

            async fn runs(&self, limit: usize) -> crm_store::StoreResult<Vec<crm_store::Run>> {
                self.call(move |ledger| ledger.runs(limit)).await
            }

            async fn history(
                &self,
                entity: crm_core::EntityId,
            ) -> crm_store::StoreResult<Vec<crm_store::History>> {
                self.call(move |ledger| ledger.history(entity)).await
            }

            async fn absorbed(
                &self,
                into: Option<crm_core::EntityId>,
            ) -> crm_store::StoreResult<Vec<crm_store::Entity>> {
                self.call(move |ledger| ledger.absorbed(into)).await
            }

            async fn journal(
                &self,
                query: crm_store::JournalQuery,
            ) -> crm_store::StoreResult<Vec<crm_store::Journal>> {
                self.call(move |ledger| ledger.journal(&query)).await
            }

            async fn audit(
                &self,
                after: u64,
                limit: usize,
            ) -> crm_store::StoreResult<Vec<crm_store::Audit>> {
                self.call(move |ledger| ledger.audit(after, limit)).await
            }

            async fn verify_audit(&self) -> crm_store::StoreResult<crm_store::AuditCheck> {
                self.call(|ledger| ledger.verify_audit()).await
            }

            async fn erased(
                &self,
                kind: crm_core::ObjectKind,
                traits: &[crm_store::Trait],
            ) -> crm_store::StoreResult<Vec<bool>> {
                let traits = traits.to_vec();
                self.call(move |ledger| ledger.erased(kind, &traits)).await
            }

            async fn erasures(&self) -> crm_store::StoreResult<Vec<crm_store::Erasure>> {
                self.call(|ledger| ledger.erasures()).await
            }

            async fn scrub(&self) -> crm_store::StoreResult<()> {
                self.call(|ledger| ledger.scrub()).await
            }

            async fn counts(
                &self,
                kind: crm_core::ObjectKind,
            ) -> crm_store::StoreResult<crm_store::Counts> {
                self.call(move |ledger| ledger.counts(kind)).await
            }

            async fn commit(&self, commit: crm_store::Commit) -> crm_store::StoreResult<()> {
                self.call(move |ledger| ledger.commit(commit)).await
            }
        }
    };
}
pub(crate) use store_over_ledger;
