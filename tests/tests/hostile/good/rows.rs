//! Rows of data sets in every layout, and documents.

use std::fs::File;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

use super::Good;

impl Good {
    pub(super) fn rows(&self) {
        let rows: Vec<Value> = (0..8)
            .map(|at| json!({"instruction": format!("Say {at}."), "input": "", "output": format!("{at} it is")}))
            .collect();
        self.json("rows.json", &json!(rows));
        self.lines("rows.jsonl", &rows);
        self.write(
            "rows.csv",
            "instruction,output\nSay 1.,\"1, it is\"\nSay 2.,2 it is\n",
        );
        let turns = |at: usize| json!({"messages": [{"role": "user", "content": format!("Say {at}.")}, {"role": "assistant", "content": "so"}]});
        self.lines("messages.jsonl", &[turns(1), turns(2)]);
        let share = |at: usize| json!({"conversations": [{"from": "human", "value": format!("Say {at}.")}, {"from": "gpt", "value": "so"}]});
        self.lines("sharegpt.jsonl", &[share(1), share(2)]);
        let ids = |at: u32| json!({"input_ids": [at, 5, 6, 7], "labels": [-100, -100, 6, 7]});
        self.lines("tokens.jsonl", &[ids(3), ids(4)]);
        let prompts = [
            json!({"id": 1, "prompt": "Say 1."}),
            json!({"id": "b", "messages": [{"role": "user", "content": "Say 2."}]}),
            json!({"id": 3, "input_ids": [4, 5]}),
        ];
        self.lines("prompts.jsonl", &prompts);
        let document =
            |at: usize| json!({"id": at, "text": format!("Document {at} of a few words.")});
        self.lines("corpus/rows.jsonl", &[document(1), document(2)]);
        self.write(
            "corpus/text.txt",
            "A document of a few words.\nAnd of two lines.\n",
        );
        self.parquet();
    }

    /// A table of two columns of text.
    fn parquet(&self) {
        let schema = "message table { required binary instruction (STRING); required binary output (STRING); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let out = File::create(self.path("rows.parquet")).unwrap();
        let mut writer = SerializedFileWriter::new(out, schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for cells in [["Say 1.", "Say 2."], ["1 it is", "2 it is"]] {
            let cells = cells.map(|cell| ByteArray::from(cell.as_bytes().to_vec()));
            let mut column = group.next_column().unwrap().unwrap();
            let text = column.typed::<ByteArrayType>();
            text.write_batch(&cells, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
    }
}
