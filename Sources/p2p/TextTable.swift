/// Makes the lines of a table: with aligned columns for a person, or with tabs between the cells for a program.
enum TextTable {
    /// Returns one line per row.
    ///
    /// - Parameter isAligned: True to align the columns; false to put a tab between two cells.
    static func lines(of rows: [[String]], isAligned: Bool) -> [String] {
        guard isAligned else { return rows.map { $0.joined(separator: "\t") } }
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }.joined(separator: "  ")
        }
    }
}
