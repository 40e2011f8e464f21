internal import Foundation
internal import SecureMesh
internal import Testing

/// Compares the tables of PROTOCOL.md, SECURITY.md and docs/refusals.md, and some figures of SECURITY.md, with the code
/// and the vectors.
@Suite struct ProtocolDocumentTests {
    private let page: Document

    init() throws {
        page = try Document("PROTOCOL.md")
    }

    @Test func eachKindHasARowWithItsNameAndSizes() {
        let expected = Kind.allCases.map { kind in
            [
                hex(kind), "\(kind)".uppercased(),
                text(kind.deliverySize), text(kind.clearSize), text(kind.payloadSize),
                kind.isFixedSize
                    ? text(kind.minimumSize) : "\(text(kind.minimumSize)) to \(text(kind.maximumSize))",
            ]
        }
        // The columns between the name and the sizes contain prose: the direction and the ids. They are not compared.
        #expect(page.rows(under: "### 4.3 Kinds").map { Array($0.prefix(2)) + Array($0.suffix(4)) } == expected)
    }

    @Test(arguments: Kind.allCases) func theByteTableAddsUp(_ kind: Kind) {
        let rows = page.rows(under: "#### \(hex(kind)) \("\(kind)".uppercased())")
        expectContiguous(rows, size: kind.minimumSize)
        #expect(size(rows, part: "header") == Header.size)
        #expect(size(rows, part: "delivery") == kind.deliverySize)
        #expect(size(rows, part: "clear") == kind.clearSize)
        #expect(size(rows, part: kind.isSealed ? "sealed" : "open") == kind.payloadSize + Signature.count)
        #expect(size(rows, part: "tag") == (kind.isSealed ? Kind.tagSize : 0))
    }

    @Test func theTablesOfHeaderAddressAndEntryAddUp() {
        expectContiguous(page.rows(under: "### 4.1 Header"), size: Header.size)
        expectContiguous(page.rows(under: "### 3.4 ADDR"), size: SocketAddress.encodedSize)
        expectContiguous(page.rows(under: "### 3.6 ENTRY"), size: Entry.fixedSize)
    }

    @Test func eachHashLabelHasARow() {
        let labels = page.rows(under: "## 3. Primitives").compactMap { row in
            row[0].hasPrefix("\"") ? String(row[0].dropFirst().dropLast()) : nil
        }
        #expect(labels == HashLabel.allCases.map(\.text))
    }

    @Test func eachRefusalIsNamedAndNoOther() throws {
        let names = Rejection.allCases.map(\.rawValue)
        for name in names { #expect(page.text.contains("`\(name)`"), "\(name)") }
        let quoted = Set(page.text.matches(of: /`([a-z]+[A-Z][A-Za-z]+)`/).map { String($0.1) })
        #expect(quoted.subtracting(names + constants.map(\.name) + ["camelCase"]).isEmpty)
        let refusals = try Document("docs/refusals.md")
        #expect(refusals.rows(under: "# Refusals").map { $0[0] } == names)
    }

    @Test func eachDefenseNamesFilesThatExist() throws {
        let rows = try Document("SECURITY.md").rows(under: "## Threats and defenses")
        #expect(!rows.isEmpty)
        for row in rows {
            for (cell, folder) in [(row[3], "Sources/SecureMeshCore/"), (row[4], "Tests/SecureMeshTests/")] {
                for path in cell.split(separator: ", ") {
                    let isWhole = path.hasPrefix("Sources/") || path.hasPrefix("Tests/")
                    #expect(throws: Never.self) { _ = try Document(isWhole ? String(path) : folder + path) }
                }
            }
        }
    }

    @Test func theRatesAtWhichALyingServerAimsMembersAtAHostFollowFromTheLimits() throws {
        let security = try Document("SECURITY.md").text.split { $0.isWhitespace }.joined(separator: " ")
        /// The cost of the first message to a receiver, in nanoseconds of CPU time.
        func firstCost(_ body: Int) -> Int64 {
            let plaintext = Kind.message.payloadSize + Signature.count + body
            return Limits.pairCost + Limits.sealCost + Int64(plaintext) * Limits.sealedByteCost
        }
        func megabytesPerSecond(_ body: Int) -> String {
            let bytes = receiversPerSecond(cost: firstCost(body)) * (Kind.message.minimumSize + body)
            return String(format: "%.1g", Double(bytes) / 1_000_000)
        }
        let expected = [
            "The first broadcast of a session goes to at most about "
                + "\(text(receiversPerSecond(cost: firstCost(0)))) ports per second",
            "That is \(megabytesPerSecond(0)) MB/s of empty messages, "
                + "or \(megabytesPerSecond(1_083)) MB/s of messages of 1,083 bytes.",
            "The next broadcasts go to at most \(text(receiversPerSecond(cost: Limits.sealCost))) ports per second.",
            "Each broadcast ends after \(Limits.broadcastLifetime.components.seconds) s.",
        ]
        for sentence in expected { #expect(security.contains(sentence), "\(sentence)") }
    }

    /// Returns the number of receivers for which a peer seals a broadcast in one second.
    ///
    /// - Parameter cost: The cost of one receiver, in nanoseconds of CPU time.
    private func receiversPerSecond(cost: Int64) -> Int {
        var budget = SealBudget()
        var (now, receivers) = (Instant(nanoseconds: 0), 0)
        let end = now + .seconds(1)
        while now < end {
            while budget.isOpen(now: now) {
                budget.spend(cost)
                receivers += 1
            }
            now = budget.nextSlice
        }
        return receivers
    }

    @Test func theConstantsAreThoseOfTheCode() throws {
        let rows = page.rows(under: "## 9. Constants")
        #expect(rows.map { $0[0] } == constants.map(\.name))
        for (row, constant) in zip(rows, constants) {
            #expect(row[1] == constant.value, "\(constant.name)")
        }
        let declared = try ["ProtocolConstants", "Limits"].flatMap { name in
            try Document("Sources/SecureMeshCore/Values/\(name).swift").text.matches(of: /static let (\w+)/)
                .map { String($0.1) }
        }
        #expect(declared == constants.map(\.name), "a constant that this test does not know")
    }

    @Test func theExcerptsAreThoseOfTheVectors() throws {
        let vectors = try Document("Tests/SecureMeshTests/Vectors/vectors.txt")
        var section: Substring = ""
        var expected: [[String]] = []
        for line in vectors.lines {
            if line.hasPrefix("[") { section = line.dropFirst().dropLast() }
            guard line.hasPrefix("datagram = ") else { continue }
            let bytes = line.dropFirst("datagram = ".count)
            expected.append([
                String(section), "0x\(bytes.dropFirst(2).prefix(2))", text(bytes.count / 2), String(bytes.prefix(32)),
                String(bytes.suffix(32)),
            ])
        }
        #expect(page.rows(under: "## 10. Test vectors") == expected)
        #expect(Set(expected.map { $0[1] }) == Set(Kind.allCases.map(hex)))
    }

    @Test func theExampleOfAuthorizedPeersIsOne() throws {
        let lines = page.section("## 8. Key text").drop { !$0.hasPrefix("    # who may join") }.prefix { !$0.isEmpty }
        #expect(try Roster(lines.joined(separator: "\n")).count == 2)
    }

    private func expectContiguous(_ rows: [[String]], size: Int, sourceLocation: SourceLocation = #_sourceLocation) {
        var end = 0
        for row in rows {
            #expect(number(row[0]) == end, "\(row)", sourceLocation: sourceLocation)
            end += number(row[1])
        }
        #expect(end == size, sourceLocation: sourceLocation)
    }

    private func size(_ rows: [[String]], part: String) -> Int {
        rows.filter { $0[2] == part }.reduce(0) { $0 + number($1[1]) }
    }

    /// Returns the number at the beginning of a cell, such as 41 for "41+Σ"; 0 if the cell does not begin with a
    /// number.
    private func number(_ cell: String) -> Int {
        Int(cell.prefix { $0.isNumber }) ?? 0
    }

    private func hex(_ kind: Kind) -> String { String(format: "0x%02x", kind.rawValue) }
}

private func text(_ value: some BinaryInteger) -> String {
    var digits = String(value)
    var groups: [String] = []
    while digits.count > 3 {
        groups.insert(String(digits.suffix(3)), at: 0)
        digits.removeLast(3)
    }
    return ([digits] + groups).joined(separator: ",")
}

private func text(_ value: Duration) -> String {
    let milliseconds = value.wholeNanoseconds / 1_000_000
    return milliseconds % 1_000 == 0 ? "\(text(milliseconds / 1_000)) s" : "\(text(milliseconds)) ms"
}

private func text(_ value: [Duration]) -> String {
    value.map { text($0) }.joined(separator: ", ")
}

private func text(_ value: Rate) -> String {
    "\(text(value.perSecond))/s, burst \(text(value.burst))"
}

/// The constants of ProtocolConstants.swift and Limits.swift, in the order of these files. Each has its value in the
/// form in which PROTOCOL.md gives it.
private let constants: [(name: String, value: String)] = [
    ("version", text(ProtocolConstants.version)),
    ("maximumDatagram", text(ProtocolConstants.maximumDatagram)),
    ("maximumUDPPayload", text(ProtocolConstants.maximumUDPPayload)),
    ("counterLimit", text(ProtocolConstants.counterLimit)),
    ("windowSize", text(ProtocolConstants.windowSize)),
    ("heartbeatInterval", text(ProtocolConstants.heartbeatInterval)),
    ("lifetime", text(ProtocolConstants.lifetime)),
    ("sweepInterval", text(ProtocolConstants.sweepInterval)),
    ("trust", text(ProtocolConstants.trust)),
    ("rekey", text(ProtocolConstants.rekey)),
    ("rekeyGrace", text(ProtocolConstants.rekeyGrace)),
    ("freshIntervals", text(ProtocolConstants.freshIntervals)),
    ("confirmIntervals", text(ProtocolConstants.confirmIntervals)),
    ("helloRepeats", text(ProtocolConstants.helloRepeats)),
    ("resumeRepeats", text(ProtocolConstants.resumeRepeats)),
    ("resumePatience", text(ProtocolConstants.resumePatience)),
    ("secondAttempt", text(ProtocolConstants.secondAttempt)),
    ("attemptGaps", text(ProtocolConstants.attemptGaps)),
    ("outstandingAttempts", text(ProtocolConstants.outstandingAttempts)),
    ("addressGap", text(ProtocolConstants.addressGap)),
    ("failedOpens", text(ProtocolConstants.failedOpens)),
    ("rejoinPause", text(ProtocolConstants.rejoinPause)),
    ("longestRejoinPause", text(ProtocolConstants.longestRejoinPause)),
    ("calm", text(ProtocolConstants.calm)),
    ("replacedPause", text(ProtocolConstants.replacedPause)),
    ("cookieRotation", text(ProtocolConstants.cookieRotation)),
    ("barredPeriod", text(ProtocolConstants.barredPeriod)),
    ("nameReservation", text(ProtocolConstants.nameReservation)),
    ("pairLingering", text(ProtocolConstants.pairLingering)),
    ("returnPeriod", text(ProtocolConstants.returnPeriod)),
    ("longestReturn", text(ProtocolConstants.longestReturn)),
    ("pendingEntries", text(Limits.pendingEntries)),
    ("pendingLifetime", text(Limits.pendingLifetime)),
    ("helloCost", text(Limits.helloCost)),
    ("helloAgreementCost", text(Limits.helloAgreementCost)),
    ("confirmCost", text(Limits.confirmCost)),
    ("memberCost", text(Limits.memberCost)),
    ("laneCost", text(Limits.laneCost)),
    ("fanOutCost", text(Limits.fanOutCost)),
    ("handshakeShare", text(Limits.handshakeShare)),
    ("totalShare", text(Limits.totalShare)),
    ("handshakeBurst", text(Limits.handshakeBurst)),
    ("bareShare", text(Limits.bareShare)),
    ("prefixTableSlots", text(Limits.prefixTableSlots)),
    ("prefixRate", text(Limits.prefixRate)),
    ("barePrefixRate", text(Limits.barePrefixRate)),
    ("widePrefixFactor", text(Limits.widePrefixFactor)),
    ("turnedAwayRate", text(Limits.turnedAwayRate)),
    ("joinRate", text(Limits.joinRate)),
    ("rememberedIdentities", text(Limits.rememberedIdentities)),
    ("namesPerIdentity", text(Limits.namesPerIdentity)),
    ("resumeSlice", text(Limits.resumeSlice)), ("resumeGap", text(Limits.resumeGap)),
    ("resumeRate", text(Limits.resumeRate)),
    ("maximumPeers", text(Limits.maximumPeers)),
    ("memberRate", text(Limits.memberRate)),
    ("answeringPulseRate", text(Limits.answeringPulseRate)),
    ("leastAnsweringPulses", text(Limits.leastAnsweringPulses)),
    ("solicitationsPerInterval", text(Limits.solicitationsPerInterval)),
    ("digestGap", text(Limits.digestGap)),
    ("versionGap", text(Limits.versionGap)),
    ("repairGap", text(Limits.repairGap)),
    ("leastRepair", text(Limits.leastRepair)),
    ("firstBurst", text(Limits.firstBurst)),
    ("mostSnapshotParts", text(Limits.mostSnapshotParts)),
    ("resentParts", text(Limits.resentParts)),
    ("repairRate", text(Limits.repairRate)),
    ("deltasPerHeartbeat", text(Limits.deltasPerHeartbeat)),
    ("deltaLog", text(Limits.deltaLog)),
    ("frozenSnapshots", text(Limits.frozenSnapshots)),
    ("snapshotAge", text(Limits.snapshotAge)),
    ("slice", text(Limits.slice)),
    ("formerSlice", text(Limits.formerSlice)),
    ("pulseSlicesWithoutPause", text(Limits.pulseSlicesWithoutPause)),
    ("pulseSpread", text(Limits.pulseSpread)),
    ("mostLate", text(Limits.mostLate)),
    ("mostLateShare", text(Limits.mostLateShare)),
    ("crowd", text(Limits.crowd)),
    ("suspicionLifetimes", text(Limits.suspicionLifetimes)),
    ("tick", text(Limits.tick)),
    ("fanOutRate", text(Limits.fanOutRate)),
    ("memberFanOutRate", text(Limits.memberFanOutRate)),
    ("mostFanOutPace", text(Limits.mostFanOutPace)),
    ("unlistedMembers", text(Limits.unlistedMembers)),
    ("shortestHeartbeat", text(Limits.shortestHeartbeat)),
    ("removedSessions", text(Limits.removedSessions)),
    ("pulseSecrets", text(Limits.pulseSecrets)),
    ("directoryEntries", text(Limits.directoryEntries)),
    ("knownNames", text(Limits.knownNames)),
    ("exclusionPause", text(Limits.exclusionPause)),
    ("longestExclusionPause", text(Limits.longestExclusionPause)),
    ("snapshotParts", text(Limits.snapshotParts)),
    ("earlyDeltas", text(Limits.earlyDeltas)),
    ("earlyMessages", text(Limits.earlyMessages)),
    ("earlyMessageBytes", text(Limits.earlyMessageBytes)),
    ("sentHeartbeats", text(Limits.sentHeartbeats)),
    ("requestRate", text(Limits.requestRate)),
    ("retiredSessions", text(Limits.retiredSessions)),
    ("agreementRate", text(Limits.agreementRate)),
    ("strayAgreementRate", text(Limits.strayAgreementRate)),
    ("answerAgreementRate", text(Limits.answerAgreementRate)),
    ("unprovenPairs", text(Limits.unprovenPairs)),
    ("replacedStrangers", text(Limits.replacedStrangers)),
    ("messageRate", text(Limits.messageRate)),
    ("messageByteRate", text(Limits.messageByteRate)),
    ("totalMessageByteRate", text(Limits.totalMessageByteRate)),
    ("waitingBroadcasts", text(Limits.waitingBroadcasts)),
    ("waitingBroadcastBytes", text(Limits.waitingBroadcastBytes)),
    ("broadcastLifetime", text(Limits.broadcastLifetime)),
    ("sealSlice", text(Limits.sealSlice)),
    ("sealInterval", text(Limits.sealInterval)),
    ("pairCost", text(Limits.pairCost)),
    ("sealCost", text(Limits.sealCost)),
    ("sealedByteCost", text(Limits.sealedByteCost)),
    ("unacknowledgedMessages", text(Limits.unacknowledgedMessages)),
    ("unacknowledgedBytes", text(Limits.unacknowledgedBytes)),
    ("finishedDeliveries", text(Limits.finishedDeliveries)),
    ("finishedReceivers", text(Limits.finishedReceivers)),
    ("firstRepeat", text(Limits.firstRepeat)),
    ("steadyRepeats", text(Limits.steadyRepeats)),
    ("steadyMessages", text(Limits.steadyMessages)),
    ("longestRepeat", text(Limits.longestRepeat)),
    ("longestDelivery", text(Limits.longestDelivery)),
    ("acknowledgmentRate", text(Limits.acknowledgmentRate)),
    ("delayedAcknowledgments", text(Limits.delayedAcknowledgments)),
    ("spreadPerMember", text(Limits.spreadPerMember)),
    ("longestSpread", text(Limits.longestSpread)),
    ("leaveFlush", text(Limits.leaveFlush)),
    ("postponedSilence", text(Limits.postponedSilence)),
    ("reportInterval", text(Limits.reportInterval)),
    ("directoryPatience", text(Limits.directoryPatience)),
    ("unreachableAddresses", text(Limits.unreachableAddresses)),
    ("leaveRepeats", text(Limits.leaveRepeats)),
    ("leaveGap", text(Limits.leaveGap)),
    ("serverAddresses", text(Limits.serverAddresses)),
    ("lookupThreads", text(Limits.lookupThreads)),
    ("lookupPauses", text(Limits.lookupPauses)),
    ("hostAddressInterval", text(Limits.hostAddressInterval)),
    ("receiveBuffer", text(Limits.receiveBuffer)),
    ("strangerReceiveBuffer", text(Limits.strangerReceiveBuffer)),
    ("sendBuffer", text(Limits.sendBuffer)),
    ("answerBuffer", text(Limits.answerBuffer)),
    ("events", text(Limits.events)),
    ("eventBytes", text(Limits.eventBytes)),
    ("stopTime", text(Limits.stopTime)),
    ("strangerQueue", text(Limits.strangerQueue)),
    ("sendQueue", text(Limits.sendQueue)),
    ("sendBatch", text(Limits.sendBatch)),
    ("eventLoops", text(Limits.eventLoops)),
    ("laneQueue", text(Limits.laneQueue)),
    ("rebindTime", text(Limits.rebindTime)),
    ("logInterval", text(Limits.logInterval)),
    ("pipePatience", text(Limits.pipePatience)),
    ("passphrase", text(Limits.passphrase)),
    ("argonPasses", text(Limits.argonPasses)),
    ("argonMemory", text(Limits.argonMemory)),
    ("mostArgonPasses", text(Limits.mostArgonPasses)),
    ("mostArgonMemory", text(Limits.mostArgonMemory)),
    ("secretKeyFile", text(Limits.secretKeyFile)),
    ("publicKeyFile", text(Limits.publicKeyFile)),
    ("rosterFile", text(Limits.rosterFile)),
]
