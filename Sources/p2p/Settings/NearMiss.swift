/// Finds the word that a user probably meant.
enum NearMiss {
    /// Returns the word that is most similar to `given`; nil if no word is similar.
    ///
    /// A word of n letters is similar if its distance from `given` is at most 2 or at most n / 3, and is also less than
    /// n. So at least one letter of a similar word is in `given`.
    static func best(of words: [String], for given: String) -> String? {
        let distances = words.map { (word: $0, distance: distance(Array(given), Array($0))) }
        guard let best = distances.min(by: { $0.distance < $1.distance }),
            best.distance <= max(2, best.word.count / 3), best.distance < best.word.count
        else { return nil }
        return best.word
    }

    /// Returns the Levenshtein distance: the smallest number of letters to insert, remove or replace.
    private static func distance(_ first: [Character], _ second: [Character]) -> Int {
        var row = Array(0...second.count)
        for (line, letter) in first.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, other) in second.enumerated() {
                let change = diagonal + (letter == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(change, row[column] + 1, row[column + 1] + 1)
            }
        }
        return row[second.count]
    }
}
