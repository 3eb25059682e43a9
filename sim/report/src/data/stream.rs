//! A table that is written as its rows come, so that nobody has to hold all of them: every verb returns the bytes that follow.

use std::sync::Arc;

use lab::sweep::table::SweepTable;
use parquet::file::writer::SerializedFileWriter;

use super::parquet::{ParquetError, properties, row_group, schema};
use super::{Format, csv, lines};

/// A table on its way.
pub struct Stream {
    rows: u64,
    into: Into,
}

enum Into {
    /// What is still to be said before the first row.
    Csv(String),
    Json,
    Lines,
    Parquet(Box<SerializedFileWriter<Vec<u8>>>),
}

impl Stream {
    /// Begins a table with these columns.
    ///
    /// # Errors
    /// What the Parquet writer complains of, as for the other verbs.
    pub fn begin(format: Format, columns: &SweepTable) -> Result<Stream, ParquetError> {
        let into = match format {
            Format::Csv => Into::Csv(csv::head(columns)),
            Format::Json => Into::Json,
            Format::Lines => Into::Lines,
            Format::Parquet => {
                let writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema(columns)?), Arc::new(properties()))?;
                Into::Parquet(Box::new(writer))
            }
        };
        Ok(Stream { rows: 0, into })
    }

    /// More rows of the same columns; in a Parquet file they are a row group.
    ///
    /// # Errors
    /// What the Parquet writer complains of.
    pub fn rows(&mut self, table: &SweepTable) -> Result<Vec<u8>, ParquetError> {
        let first = self.rows == 0;
        self.rows += table.rows.len() as u64;
        Ok(match &mut self.into {
            Into::Csv(head) => (std::mem::take(head) + &csv::rows(table)).into_bytes(),
            Into::Json => (if first { "[" } else { "" }.to_owned() + &lines::members(table, first)).into_bytes(),
            Into::Lines => lines::lines(table).into_bytes(),
            Into::Parquet(file) => {
                row_group(file, table)?;
                // The writer counts what it has written by itself; what it still holds back follows later.
                std::mem::take(file.inner_mut())
            }
        })
    }

    /// Ends the table.
    ///
    /// # Errors
    /// What the Parquet writer complains of.
    pub fn end(self) -> Result<Vec<u8>, ParquetError> {
        Ok(match self.into {
            Into::Csv(head) => head.into_bytes(),
            Into::Json => {
                if self.rows == 0 {
                    b"[]\n".to_vec()
                } else {
                    b"\n]\n".to_vec()
                }
            }
            Into::Lines => Vec::new(),
            Into::Parquet(file) => file.into_inner()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture;

    fn in_two_parts(format: Format) -> Vec<u8> {
        let whole = fixture::table();
        let part = |rows: &[Vec<_>]| SweepTable { columns: whole.columns.clone(), rows: rows.to_vec() };
        let mut stream = Stream::begin(format, &whole).unwrap();
        let first = stream.rows(&part(&whole.rows[..1])).unwrap();
        let second = stream.rows(&part(&whole.rows[1..])).unwrap();
        [first, second, stream.end().unwrap()].concat()
    }

    #[test]
    fn a_text_in_parts_is_the_text_in_one() {
        for format in [Format::Csv, Format::Json, Format::Lines] {
            let whole = format.write(&fixture::table()).unwrap();
            assert_eq!(String::from_utf8(in_two_parts(format)), String::from_utf8(whole));
        }
    }

    #[test]
    fn parts_of_a_parquet_file_are_row_groups() {
        use parquet::file::reader::{FileReader, SerializedFileReader};
        let file = SerializedFileReader::new(bytes::Bytes::from(in_two_parts(Format::Parquet))).unwrap();
        let rows: Vec<i64> = file.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(rows, [1, 2]);
        let read: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        let whole =
            SerializedFileReader::new(bytes::Bytes::from(Format::Parquet.write(&fixture::table()).unwrap())).unwrap();
        assert_eq!(read, whole.get_row_iter(None).unwrap().map(Result::unwrap).collect::<Vec<_>>());
    }

    #[test]
    fn json_is_one_array_also_without_rows() {
        let rows: serde_json::Value = serde_json::from_slice(&in_two_parts(Format::Json)).unwrap();
        assert_eq!(rows.as_array().unwrap().len(), 3);
        assert_eq!(Stream::begin(Format::Json, &fixture::table()).unwrap().end().unwrap(), b"[]\n");
        let empty = Stream::begin(Format::Csv, &fixture::table()).unwrap().end().unwrap();
        assert_eq!(empty.iter().filter(|&&byte| byte == b'\n').count(), 1, "the line of names");
    }
}
