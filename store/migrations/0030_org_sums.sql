-- Where an organisation's sums of sealed hours are found: invoices are compared
-- with them.
CREATE INDEX rollup_org ON rollup (org, hour);
CREATE INDEX entry_sum_org ON entry_sum (org, hour);
