-- Schema 4. A fascicolo may be part of another: its primario (Allegato 5, IdAggPrimario). Parts are numbered within it.

ALTER TABLE aggregations ADD COLUMN primario TEXT;

DROP INDEX aggregations_by_number;
CREATE UNIQUE INDEX aggregations_by_number ON aggregations (ente, anno, voce, progressivo)
WHERE tipo = 'Fascicolo' AND primario IS NULL;
CREATE UNIQUE INDEX aggregations_by_primario ON aggregations (ente, primario, progressivo) WHERE primario IS NOT NULL;
