// SPDX-License-Identifier: Apache-2.0
//
// The archetype has the projects of all SPIs side by side; the one that was asked for stays.
import java.nio.file.Files
import java.nio.file.Path

Path project = Path.of(request.outputDirectory, request.artifactId)
Path all = project.resolve("spis")
Path chosen = all.resolve(request.properties["spi"])
["src", "README.md"].each { Files.move(chosen.resolve(it), project.resolve(it)) }
Files.move(chosen.resolve("gitignore"), project.resolve(".gitignore"))
all.toFile().deleteDir()
