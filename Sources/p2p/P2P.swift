internal import ArgumentParser
@main struct P2P: AsyncParsableCommand { func run() async {} }
