/** The table of `migrations/0032-saved-searches.sql`. */

export type SavedSearchTables = {
  saved_search: { id: string; person_id: string; name: string; query: string; saved_ms: number };
};
