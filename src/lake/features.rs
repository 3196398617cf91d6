//! What somebody has switched on in a table and this version cannot keep.
//!
//! A protocol lists what a writer has to understand, not what is in use: Spark raises it when a property is set and leaves
//! it there when the property is set back. So a feature that is listed is accepted where it asks for nothing, and what is
//! in use is judged by the properties and columns of the table. Each finding says how to switch it off, and a table on
//! which that was done is accepted.
//!
//! Source: "Table Features" and "Requirements for Writers" of Delta's `PROTOCOL.md`. Pure: reads no log.

use super::action::{MetaData, Protocol};
use super::error::LakeError;
use deltalake::kernel::StructType;

/// The newest reader and writer version that is supported. From these on, a protocol lists its features; what an older one
/// asks for is seen in properties and columns.
const LAST_VERSIONS: (i32, i32) = (3, 7);

/// Features that ask for nothing as long as no property and no column uses them, or that ask for what we do anyway.
const ACCEPTED: &[&str] = &[
    "allowColumnDefaults", // every column is written
    "appendOnly",
    "changeDataFeed",
    "checkConstraints",
    "checkpointProtection", // nothing is cleaned up here
    "columnMapping",
    "deletionVectors",
    "domainMetadata", // each domain belongs to another feature
    "generatedColumns",
    "icebergCompatV1",
    "icebergCompatV2",
    "icebergCompatV3",
    "identityColumns",
    "inCommitTimestamp",
    "invariants",
    "timestampNtz", // a column of that type is not ours
    "typeWidening", // narrower values are widened when they are read
    "typeWidening-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
    "variantShredding",
    "variantType",
    "variantType-preview",
];

/// How to switch something off.
#[derive(Debug, Clone, Copy)]
enum Off {
    Unset,
    SetTo(&'static str),
}

/// A property that asks for something which is not done here.
struct Property {
    name: &'static str,
    what: &'static str,
    is_on: fn(&str) -> bool,
    off: Off,
}

const fn flag(name: &'static str, what: &'static str) -> Property {
    Property { name, what, is_on: |value| value.eq_ignore_ascii_case("true"), off: Off::SetTo("false") }
}

const PROPERTIES: &[Property] = &[
    flag("delta.enableChangeDataFeed", "change data feed"),
    flag("delta.enableDeletionVectors", "deletion vectors"),
    flag("delta.enableInCommitTimestamps", "in-commit timestamps"),
    flag("delta.enableRowTracking", "row tracking"),
    flag("delta.enableIcebergCompatV1", "compatibility with Iceberg"),
    flag("delta.enableIcebergCompatV2", "compatibility with Iceberg"),
    flag("delta.enableIcebergCompatV3", "compatibility with Iceberg"),
    Property {
        name: "delta.columnMapping.mode",
        what: "column mapping",
        is_on: |value| !value.eq_ignore_ascii_case("none"),
        off: Off::SetTo("none"),
    },
    Property {
        name: "delta.checkpointPolicy",
        what: "checkpoints of version 2",
        is_on: |value| value.eq_ignore_ascii_case("v2"),
        off: Off::SetTo("classic"),
    },
    // Other writers would then forget what was ingested, and it would be ingested again.
    Property {
        name: "delta.setTransactionRetentionDuration",
        what: "forgetting what was ingested",
        is_on: |_| true,
        off: Off::Unset,
    },
];

/// Asked of tables from which files are removed.
const APPEND_ONLY: Property = flag("delta.appendOnly", "append-only");

const CONSTRAINT: &str = "delta.constraints.";

/// Members of a column's metadata.
const COLUMNS: &[(&str, &str)] = &[
    ("delta.invariants", "an invariant"),
    ("delta.generationExpression", "a generated value"),
    ("delta.identity.start", "an identity"),
];

/// Something that is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unsupported {
    pub what: String,
    /// What the operator can do.
    pub remedy: String,
}

impl Unsupported {
    pub fn deletion_vector(path: &str) -> Self {
        Unsupported {
            what: format!("file `{path}` has a deletion vector"),
            remedy: "run `REORG TABLE ... APPLY (PURGE)` after `ALTER TABLE ... SET TBLPROPERTIES \
                     ('delta.enableDeletionVectors' = 'false')`"
                .into(),
        }
    }

    pub fn checkpoint_v2() -> Self {
        Unsupported {
            what: "its last checkpoint is of version 2 (`delta.checkpointPolicy`)".into(),
            remedy: "run `ALTER TABLE ... SET TBLPROPERTIES ('delta.checkpointPolicy' = 'classic')`, then write a \
                     checkpoint: `ALTER TABLE ... DROP FEATURE v2Checkpoint` does so"
                .into(),
        }
    }

    fn of_property(property: &Property, value: &str) -> Self {
        let Property { name, what, off, .. } = property;
        let remedy = match off {
            Off::Unset => format!("run `ALTER TABLE ... UNSET TBLPROPERTIES ('{name}')`"),
            Off::SetTo(off) => format!("run `ALTER TABLE ... SET TBLPROPERTIES ('{name}' = '{off}')`"),
        };
        Unsupported { what: format!("{what} is switched on (`{name}` = `{value}`)"), remedy }
    }
}

/// The error that refuses `table` for all that was `found`.
pub(super) fn refusal(table: &str, found: Vec<Unsupported>) -> LakeError {
    let (what, mut remedies): (Vec<String>, Vec<String>) =
        found.into_iter().map(|unsupported| (unsupported.what, unsupported.remedy)).unzip();
    remedies.dedup();
    LakeError::Unsupported { table: table.into(), what: what.join(", "), remedy: remedies.join("; ") }
}

/// What `protocol` asks for.
pub(super) fn of_protocol(protocol: &Protocol, metadata: Option<&MetaData>) -> Vec<Unsupported> {
    let Protocol { min_reader_version, min_writer_version, reader_features, writer_features } = protocol;
    let (last_reader, last_writer) = LAST_VERSIONS;
    if *min_reader_version > last_reader || *min_writer_version > last_writer {
        return vec![Unsupported {
            what: format!(
                "it asks for reader version {min_reader_version} and writer version {min_writer_version}, at most \
                 {last_reader} and {last_writer} are supported"
            ),
            remedy: "move the table elsewhere and have it created again".into(),
        }];
    }
    let mut listed: Vec<&str> = reader_features.iter().chain(writer_features).map(String::as_str).collect();
    listed.sort_unstable();
    listed.dedup();
    listed.retain(|feature| !ACCEPTED.contains(feature) && !is_suspended(feature, metadata));
    let unsupported = |feature: &str| Unsupported {
        what: format!("it has the table feature `{feature}`"),
        remedy: format!(
            "run `ALTER TABLE ... DROP FEATURE {feature}`; where that is not possible, copy the rows to a table without it"
        ),
    };
    listed.into_iter().map(unsupported).collect()
}

/// Row tracking asks every writer for row ids even where no reader may use them, unless it is suspended.
fn is_suspended(feature: &str, metadata: Option<&MetaData>) -> bool {
    let suspended = metadata.and_then(|metadata| metadata.property("delta.rowTrackingSuspended"));
    feature == "rowTracking" && suspended.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// What the properties and the columns of a table ask for. `is_rewritten`: files may be removed from it.
pub(super) fn of_metadata(metadata: &MetaData, columns: &StructType, is_rewritten: bool) -> Vec<Unsupported> {
    let judged = PROPERTIES.iter().chain(is_rewritten.then_some(&APPEND_ONLY));
    let on = judged.filter_map(|property| Some((property, metadata.property(property.name)?)));
    let mut found: Vec<_> = on
        .filter(|(property, value)| (property.is_on)(value))
        .map(|(property, value)| Unsupported::of_property(property, value))
        .collect();
    let mut constraints: Vec<&str> =
        metadata.configuration.keys().filter_map(|name| name.strip_prefix(CONSTRAINT)).collect();
    constraints.sort_unstable();
    found.extend(constraints.into_iter().map(|name| Unsupported {
        what: format!("it has the check constraint `{name}`"),
        remedy: format!("run `ALTER TABLE ... DROP CONSTRAINT {name}`"),
    }));
    for column in columns.fields() {
        let used = COLUMNS.iter().filter(|(member, _)| column.metadata.contains_key(*member));
        found.extend(used.map(|(member, what)| Unsupported {
            what: format!("column `{}` has {what} (`{member}`)", column.name()),
            remedy: "copy the rows to a table without it".into(),
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::action::Format;
    use super::*;
    use serde_json::{Value, json};

    fn protocol(reader: i32, writer: i32, reader_features: &[&str], writer_features: &[&str]) -> Protocol {
        let owned = |features: &[&str]| features.iter().map(|&feature| feature.to_owned()).collect();
        Protocol {
            min_reader_version: reader,
            min_writer_version: writer,
            reader_features: owned(reader_features),
            writer_features: owned(writer_features),
        }
    }

    fn metadata(properties: &[(&str, &str)]) -> MetaData {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
        MetaData {
            id: "id".into(),
            format: Format { provider: "parquet".into(), options: Default::default() },
            schema_string: String::new(),
            partition_columns: Vec::new(),
            configuration: properties.iter().map(owned).collect(),
            created_time: None,
        }
    }

    fn columns(of_number: Value) -> StructType {
        let number = json!({"name": "number", "type": "long", "nullable": true, "metadata": of_number});
        serde_json::from_value(json!({"type": "struct", "fields": [number]})).expect("a schema")
    }

    /// What is found by these properties, and what to do.
    fn of_properties(properties: &[(&str, &str)], is_rewritten: bool) -> Vec<Unsupported> {
        of_metadata(&metadata(properties), &columns(json!({})), is_rewritten)
    }

    #[test]
    fn what_is_switched_on_is_named_with_how_to_switch_it_off() {
        let cases = [
            (
                "delta.enableChangeDataFeed",
                "true",
                "change data feed",
                "SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'false')",
            ),
            ("delta.enableChangeDataFeed", "TRUE", "change data feed", "'false'"),
            ("delta.enableDeletionVectors", "true", "deletion vectors", "'false'"),
            ("delta.enableRowTracking", "true", "row tracking", "'false'"),
            ("delta.enableInCommitTimestamps", "true", "in-commit timestamps", "'false'"),
            ("delta.enableIcebergCompatV2", "true", "compatibility with Iceberg", "'false'"),
            ("delta.columnMapping.mode", "name", "column mapping", "'delta.columnMapping.mode' = 'none'"),
            ("delta.columnMapping.mode", "id", "column mapping", "'none'"),
            ("delta.checkpointPolicy", "v2", "checkpoints of version 2", "'classic'"),
            (
                "delta.setTransactionRetentionDuration",
                "interval 7 days",
                "forgetting what was ingested",
                "UNSET TBLPROPERTIES ('delta.setTransactionRetentionDuration')",
            ),
            ("delta.constraints.positive", "number > 0", "the check constraint `positive`", "DROP CONSTRAINT positive"),
        ];
        for (name, value, what, remedy) in cases {
            let found = of_properties(&[(name, value)], false);
            assert_eq!(found.len(), 1, "{name}");
            assert!(found[0].what.contains(what) && found[0].remedy.contains(remedy), "{found:?}");
        }
        for member in ["delta.invariants", "delta.generationExpression", "delta.identity.start"] {
            let found = of_metadata(&metadata(&[]), &columns(json!({member: "x"})), false);
            assert!(found[0].what.contains("column `number`") && found[0].what.contains(member), "{found:?}");
        }
    }

    #[test]
    fn append_only_is_refused_only_where_files_are_rewritten() {
        let on = [("delta.appendOnly", "true")];
        assert_eq!(of_properties(&on, false), []);
        assert_eq!(of_properties(&on, true).len(), 1);
        assert_eq!(of_properties(&[("delta.appendOnly", "false")], true), []);
    }

    #[test]
    fn what_is_switched_off_or_harmless_is_accepted() {
        let properties = [
            ("delta.enableChangeDataFeed", "false"),
            ("delta.enableDeletionVectors", "false"),
            ("delta.columnMapping.mode", "none"),
            ("delta.columnMapping.maxColumnId", "40"),
            ("delta.checkpointPolicy", "classic"),
            ("delta.checkpointInterval", "10"),
            ("delta.logRetentionDuration", "interval 7 days"),
            ("delta.deletedFileRetentionDuration", "interval 7 days"),
            ("delta.autoOptimize.optimizeWrite", "true"),
            ("delta.autoOptimize.autoCompact", "true"),
            ("delta.targetFileSize", "100mb"),
            ("delta.enableTypeWidening", "true"),
            ("owner", "somebody"),
        ];
        assert_eq!(of_properties(&properties, true), []);
        // What setting a property leaves in the protocol: a higher version, or a list of features.
        let accepted = [
            protocol(1, 2, &[], &[]),
            protocol(1, 4, &[], &[]),
            protocol(2, 6, &[], &[]),
            protocol(1, 7, &[], &["appendOnly", "invariants", "changeDataFeed", "checkConstraints"]),
            protocol(3, 7, &["deletionVectors", "columnMapping"], &["deletionVectors", "columnMapping", "appendOnly"]),
            protocol(
                3,
                7,
                &["v2Checkpoint", "timestampNtz"],
                &["v2Checkpoint", "timestampNtz", "checkpointProtection"],
            ),
        ];
        assert!(accepted.iter().all(|protocol| of_protocol(protocol, None).is_empty()));
    }

    #[test]
    fn a_feature_that_asks_something_of_every_writer_or_is_unknown_is_refused_once() {
        for feature in ["rowTracking", "clustering", "catalogManaged", "somethingNew"] {
            let found = of_protocol(&protocol(3, 7, &[feature], &["appendOnly", feature]), None);
            assert_eq!(found.len(), 1, "{feature}");
            assert!(found[0].what.contains(feature) && found[0].remedy.contains(&format!("DROP FEATURE {feature}")));
        }
        let suspended = metadata(&[("delta.rowTrackingSuspended", "true")]);
        assert!(of_protocol(&protocol(1, 7, &[], &["rowTracking"]), Some(&suspended)).is_empty());
        assert!(of_protocol(&protocol(1, 8, &[], &[]), None)[0].what.contains("writer version 8"));
        assert!(of_protocol(&protocol(4, 7, &[], &[]), None)[0].what.contains("reader version 4"));
    }

    #[test]
    fn one_error_names_all_of_it() {
        let found = of_properties(&[("delta.enableChangeDataFeed", "true"), ("delta.columnMapping.mode", "id")], false);
        let error = refusal("numbers", found).to_string();
        assert_eq!(
            error,
            "cannot use table `numbers`: change data feed is switched on (`delta.enableChangeDataFeed` = `true`), column \
             mapping is switched on (`delta.columnMapping.mode` = `id`); nothing was written to it; run `ALTER TABLE ... \
             SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'false')`; run `ALTER TABLE ... SET TBLPROPERTIES \
             ('delta.columnMapping.mode' = 'none')`"
        );
    }
}
