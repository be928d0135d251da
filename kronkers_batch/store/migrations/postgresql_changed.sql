-- A digest that changes whenever an object of the pinned schema does: of the rows of the catalogue that describe
-- it, and of the transactions that wrote them. What is asked here is what objects.sql shows.
WITH here AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = pg_catalog.current_schema()),
rel AS (SELECT c.oid, c.xmin FROM pg_catalog.pg_class c JOIN here ON c.relnamespace = here.oid),
seen (kind, oid, xmin) AS (
  SELECT 1, oid, xmin FROM rel
  UNION ALL SELECT 2, a.attrelid, a.xmin FROM pg_catalog.pg_attribute a JOIN rel ON a.attrelid = rel.oid
  UNION ALL SELECT 3, i.indexrelid, i.xmin FROM pg_catalog.pg_index i JOIN rel ON i.indrelid = rel.oid
  UNION ALL SELECT 4, k.oid, k.xmin FROM pg_catalog.pg_constraint k JOIN here ON k.connamespace = here.oid
  UNION ALL SELECT 5, g.oid, g.xmin FROM pg_catalog.pg_trigger g JOIN rel ON g.tgrelid = rel.oid
  UNION ALL SELECT 6, r.oid, r.xmin FROM pg_catalog.pg_rewrite r JOIN rel ON r.ev_class = rel.oid
  UNION ALL SELECT 7, p.oid, p.xmin FROM pg_catalog.pg_policy p JOIN rel ON p.polrelid = rel.oid
  UNION ALL SELECT 8, d.oid, d.xmin FROM pg_catalog.pg_attrdef d JOIN rel ON d.adrelid = rel.oid
  UNION ALL SELECT 9, n.inhrelid, n.xmin FROM pg_catalog.pg_inherits n JOIN rel ON n.inhparent = rel.oid
  UNION ALL SELECT 10, f.oid, f.xmin FROM pg_catalog.pg_proc f JOIN here ON f.pronamespace = here.oid
  UNION ALL SELECT 11, o.oid, o.xmin FROM pg_catalog.pg_operator o JOIN here ON o.oprnamespace = here.oid
  UNION ALL SELECT 12, l.oid, l.xmin FROM pg_catalog.pg_collation l JOIN here ON l.collnamespace = here.oid
  UNION ALL SELECT 13, t.oid, t.xmin FROM pg_catalog.pg_type t JOIN here ON t.typnamespace = here.oid
  UNION ALL SELECT 14, c.oid, c.xmin FROM pg_catalog.pg_cast c WHERE c.oid >= 16384
  UNION ALL SELECT 15, e.oid, e.xmin FROM pg_catalog.pg_event_trigger e
)
SELECT pg_catalog.md5(pg_catalog.string_agg(
         pg_catalog.concat_ws(' ', kind, oid, xmin), ',' ORDER BY kind, oid, xmin::pg_catalog.text))
FROM seen
