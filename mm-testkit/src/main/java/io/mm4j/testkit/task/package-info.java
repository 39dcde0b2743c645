// SPDX-License-Identifier: Apache-2.0

/** What the kit has for tasks: the suite. */
@NullMarked
package io.mm4j.testkit.task;

import org.jspecify.annotations.NullMarked;
