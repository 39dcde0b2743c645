// SPDX-License-Identifier: Apache-2.0

/** What {@code mm new-plugin} writes: a Maven project with a plugin that passes the test kit. */
@NullMarked
package io.mm4j.cli.project;

import org.jspecify.annotations.NullMarked;
