// SPDX-License-Identifier: Apache-2.0

/** The test kit: rules, models, seeded operations, shrinking, reports. */
@NullMarked
package io.mm4j.testkit;

import org.jspecify.annotations.NullMarked;
