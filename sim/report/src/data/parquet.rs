//! A table as a Parquet file: typed, optional columns, one row group unless it comes in parts, no compression, nothing that
//! depends on when or where.
//!
//! What the library writes of itself is pinned, so that an upgrade of it that leaves the format alone leaves the bytes alone.

use std::sync::Arc;

use lab::sweep::table::{Cell, ColumnKind, SweepTable};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

pub use parquet::errors::ParquetError;

/// Who wrote the file, in every file the same.
const CREATED_BY: &str = "tailback";

/// The file's bytes.
///
/// # Errors
/// What the library complains of.
pub fn parquet(table: &SweepTable) -> Result<Vec<u8>, ParquetError> {
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema(table)?), Arc::new(properties()))?;
    row_group(&mut file, table)?;
    file.into_inner()
}

/// How files are written.
pub(super) fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(CREATED_BY.to_owned())
        .build()
}

/// Writes all rows of a table as a row group.
pub(super) fn row_group(file: &mut SerializedFileWriter<Vec<u8>>, table: &SweepTable) -> Result<(), ParquetError> {
    let mut group = file.next_row_group()?;
    for (at, (_, kind)) in table.columns.iter().enumerate() {
        let cells = table.rows.iter().map(|row| &row[at]);
        match kind {
            ColumnKind::Text => column::<ByteArrayType>(&mut group, cells, &|cell| match cell {
                Cell::Text(text) => Some(ByteArray::from(text.as_str())),
                Cell::Nothing | Cell::Integer(_) | Cell::Number(_) => None,
            }),
            ColumnKind::Integer => column::<Int64Type>(&mut group, cells, &|cell| match cell {
                Cell::Integer(number) => Some(*number),
                Cell::Nothing | Cell::Text(_) | Cell::Number(_) => None,
            }),
            ColumnKind::Number => column::<DoubleType>(&mut group, cells, &|cell| match cell {
                Cell::Number(number) => Some(*number),
                Cell::Nothing | Cell::Text(_) | Cell::Integer(_) => None,
            }),
        }?;
    }
    group.close()?;
    Ok(())
}

pub(super) fn schema(table: &SweepTable) -> Result<Type, ParquetError> {
    let field = |(name, kind): &(String, ColumnKind)| {
        let (physical, logical) = match kind {
            ColumnKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            ColumnKind::Integer => (Physical::INT64, None),
            ColumnKind::Number => (Physical::DOUBLE, None),
        };
        let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        builder.with_logical_type(logical).build().map(Arc::new)
    };
    let fields = table.columns.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("row").with_fields(fields).build()
}

/// Writes one column: a definition level says for each row whether it has a value, and the values follow without gaps.
fn column<'a, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    cells: impl Iterator<Item = &'a Cell>,
    value: &dyn Fn(&Cell) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let rows: Vec<Option<T::T>> = cells.map(value).collect();
    let levels: Vec<i16> = rows.iter().map(|row| i16::from(row.is_some())).collect();
    let values: Vec<T::T> = rows.into_iter().flatten().collect();
    let missing = || ParquetError::General("the schema has fewer columns than the table".to_owned());
    let mut writer = group.next_column()?.ok_or_else(missing)?;
    writer.typed::<T>().write_batch(&values, Some(&levels), None)?;
    writer.close()
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;
    use crate::data::fixture;

    #[test]
    fn what_is_written_is_read_back() {
        let bytes = parquet(&fixture::table()).unwrap();
        let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let metadata = file.metadata().file_metadata();
        assert_eq!((metadata.created_by(), metadata.num_rows()), (Some("tailback"), 3));
        let rows: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows[0].get_string(1).unwrap(), "a, \"b\"");
        assert_eq!((rows[1].get_long(0).unwrap(), rows[1].get_double(2).unwrap()), (-2, 1.0 / 3.0));
        assert!(rows[1].get_double(3).is_err() && rows[2].get_string(1).is_err(), "what is missing is null");
        assert_eq!(rows[2].get_double(3).unwrap(), 0.0);
    }

    #[test]
    fn a_table_without_rows_is_a_file_all_the_same() {
        let mut table = fixture::table();
        table.rows.clear();
        let file = SerializedFileReader::new(bytes::Bytes::from(parquet(&table).unwrap())).unwrap();
        assert_eq!(file.metadata().file_metadata().num_rows(), 0);
    }
}
