/** The tables of an identity provider in `migrations/0012-programs.sql` as Kysely sees them. */

export type ScimTables = {
  scim_user: {
    person_id: string;
    user_name: string;
    external_id: string | null;
    /** JSON of `UserAttributes`. */
    attributes: string;
    active: boolean;
    created_ms: number;
    updated_ms: number;
  };
  scim_group: {
    id: string;
    display_name: string;
    name_key: string;
    external_id: string | null;
    created_ms: number;
    updated_ms: number;
  };
  scim_member: { group_id: string; person_id: string; position: number };
};
