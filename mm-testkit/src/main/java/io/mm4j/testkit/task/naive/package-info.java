// SPDX-License-Identifier: Apache-2.0

/** What tasks are to do, by counting. */
@NullMarked
package io.mm4j.testkit.task.naive;

import org.jspecify.annotations.NullMarked;
