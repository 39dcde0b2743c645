// SPDX-License-Identifier: Apache-2.0

/** Rules of whole address spaces: scripts of calls on a process floor, beside a naive model. */
@NullMarked
package io.mm4j.testkit.process.rules;

import org.jspecify.annotations.NullMarked;
