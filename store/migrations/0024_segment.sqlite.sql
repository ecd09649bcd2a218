-- The compact copies of sealed pages, from which calls are read many times faster
-- than from their rows. They follow from the rows, are checked by the page's hash
-- whenever they are read, and can be made again; a page without one is read by rows.
CREATE TABLE seal_segment (
    hour INTEGER NOT NULL,
    page INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (hour, page)
) STRICT;
