/// Lines of a table: in columns for a person, or with a tab between the cells for a program.
enum TextTable {
    /// Returns one line per row.
    ///
    /// - Parameter isAligned: True for columns of equal width, false for tabs.
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
