//! How far a stored table may differ from the one that this version writes: not at all.

use super::error::LakeError;
use crate::columns::TableSpec;
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;

/// The columns of `spec` as Delta describes them.
pub(super) fn delta_schema(spec: &TableSpec) -> Result<StructType, LakeError> {
    spec.columns.as_ref().try_into_kernel().map_err(|error: deltalake::arrow::error::ArrowError| LakeError::Internal {
        attempt: "describe the columns",
        table: spec.name.into(),
        detail: error.to_string(),
    })
}

/// What a stored schema has more, less or otherwise than `spec`; `None` when nothing.
pub(super) fn difference(
    spec: &TableSpec,
    stored: &StructType,
    partition_columns: &[String],
) -> Result<Option<String>, LakeError> {
    let ours = delta_schema(spec)?;
    let mut found = Vec::new();
    for field in ours.fields() {
        match stored.field(field.name()) {
            None => found.push(format!("column `{}` is missing", field.name())),
            Some(other) if other.data_type() != field.data_type() => found.push(format!(
                "column `{}` is {} instead of {}",
                field.name(),
                other.data_type(),
                field.data_type()
            )),
            Some(_) => {}
        }
    }
    for field in stored.fields().filter(|field| ours.field(field.name()).is_none()) {
        found.push(format!("column `{}` is unknown", field.name()));
    }
    let partitioning: Vec<&str> = spec.partition_column.into_iter().collect();
    if partition_columns != partitioning {
        let named = |columns: &[&str]| {
            if columns.is_empty() { "nothing".to_owned() } else { format!("`{}`", columns.join("`, `")) }
        };
        let stored: Vec<&str> = partition_columns.iter().map(String::as_str).collect();
        found.push(format!("partitioned by {} instead of {}", named(&stored), named(&partitioning)));
    }
    Ok((!found.is_empty()).then(|| found.join(", ")))
}
