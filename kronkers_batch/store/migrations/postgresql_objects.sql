-- What the pinned schema of a PostgreSQL database holds: each object's name, and what it is.
-- Every name is qualified: what somebody puts into a schema must not answer for the catalogue.
-- Objects with a number from 16384 on are not PostgreSQL's own.
WITH here AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = pg_catalog.current_schema()),
rel AS (
  SELECT c.*, c.relname::pg_catalog.text AS shown FROM pg_catalog.pg_class c JOIN here ON c.relnamespace = here.oid
)
SELECT 'table ' || shown AS name,
       pg_catalog.concat_ws(' ', relkind, relpersistence, relreplident, relrowsecurity, relforcerowsecurity,
         relispartition, relhasrules, relhassubclass, reloftype, reloptions::pg_catalog.text, am.amname) AS def
  FROM rel LEFT JOIN pg_catalog.pg_am am ON am.oid = rel.relam WHERE relkind NOT IN ('i', 'I')
UNION ALL
SELECT 'column ' || rel.shown || '.' || a.attname,
       pg_catalog.concat_ws(' ', pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
         a.attgenerated, a.attislocal, a.attinhcount, a.attcollation = t.typcollation,
         pg_catalog.pg_get_expr(d.adbin, d.adrelid))
  FROM rel JOIN pg_catalog.pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE rel.relkind NOT IN ('i', 'I')
UNION ALL
SELECT 'index ' || rel.shown,
       pg_catalog.concat_ws(' ', pg_catalog.replace(pg_catalog.pg_get_indexdef(i.indexrelid),
         ' ON ' || pg_catalog.quote_ident(pg_catalog.current_schema()) || '.', ' ON '), i.indisunique, i.indisprimary,
         i.indisvalid, i.indisready, i.indislive, i.indimmediate)
  FROM rel JOIN pg_catalog.pg_index i ON i.indexrelid = rel.oid
UNION ALL
SELECT 'constraint ' || k.conname || ' of ' || rel.shown,
       pg_catalog.concat_ws(' ', k.contype, pg_catalog.pg_get_constraintdef(k.oid), k.convalidated,
         k.condeferrable, k.condeferred)
  FROM rel JOIN pg_catalog.pg_constraint k ON k.conrelid = rel.oid AND k.contype <> 'n'
UNION ALL
SELECT 'trigger ' || g.tgname || ' of ' || rel.shown, pg_catalog.pg_get_triggerdef(g.oid)
  FROM rel JOIN pg_catalog.pg_trigger g ON g.tgrelid = rel.oid AND NOT g.tgisinternal
UNION ALL
SELECT 'disabled trigger of ' || rel.shown, pg_catalog.count(*)::pg_catalog.text
  FROM rel JOIN pg_catalog.pg_trigger g ON g.tgrelid = rel.oid AND g.tgisinternal AND g.tgenabled <> 'O'
  GROUP BY rel.shown
UNION ALL
SELECT 'rule ' || r.rulename || ' of ' || rel.shown, pg_catalog.pg_get_ruledef(r.oid)
  FROM rel JOIN pg_catalog.pg_rewrite r ON r.ev_class = rel.oid
UNION ALL
SELECT 'policy ' || p.polname || ' of ' || rel.shown, p.polcmd::pg_catalog.text
  FROM rel JOIN pg_catalog.pg_policy p ON p.polrelid = rel.oid
UNION ALL
SELECT 'child of ' || rel.shown, pg_catalog.count(*)::pg_catalog.text
  FROM rel JOIN pg_catalog.pg_inherits n ON n.inhparent = rel.oid GROUP BY rel.shown
UNION ALL
SELECT 'function ' || f.proname, pg_catalog.pg_get_function_identity_arguments(f.oid)
  FROM pg_catalog.pg_proc f JOIN here ON f.pronamespace = here.oid
UNION ALL
SELECT 'operator ' || o.oprname, o.oid::pg_catalog.text
  FROM pg_catalog.pg_operator o JOIN here ON o.oprnamespace = here.oid
UNION ALL
SELECT 'collation ' || l.collname, '' FROM pg_catalog.pg_collation l JOIN here ON l.collnamespace = here.oid
UNION ALL
SELECT 'type ' || t.typname, t.typtype::pg_catalog.text
  FROM pg_catalog.pg_type t JOIN here ON t.typnamespace = here.oid
  WHERE t.typtype <> 'c' AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
UNION ALL
SELECT 'cast ' || pg_catalog.format_type(c.castsource, NULL) || ' to ' || pg_catalog.format_type(c.casttarget, NULL),
       ''
  FROM pg_catalog.pg_cast c WHERE c.oid >= 16384 AND c.castsource < 16384 AND c.casttarget < 16384
UNION ALL
SELECT 'event trigger ' || e.evtname, e.evtevent::pg_catalog.text
  FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled <> 'D'
